package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/tlsconfig"
	"github.com/tailrace/tailrace/sink"
)

// defaultHold covers a failover of Redis together with a crash of the daemon: writes that Redis has acknowledged may be lost.
const defaultHold = 60 * time.Second

// Settings is a sink "redis" block.
type Settings struct {
	// `redis://user@host:6379/0`, `rediss://` with TLS, `unix:///path/to/redis.sock`.
	URL config.Secret `hcl:"url"`
	// Read again for each connection. A user is part of the URL.
	Password config.Credential   `hcl:"password,optional"`
	TLS      *tlsconfig.Settings `hcl:"tls,block"`
	// How long a commit that is applied stays in the slot, since Redis may lose writes that it has acknowledged. At most an hour.
	Hold config.Duration `hcl:"hold,optional"`
	// `true`: clients GET and SET by themselves, so keys are deleted again after 250 ms and 2 s.
	PlainFillers bool      `hcl:"plain_fillers,optional"`
	Range        hcl.Range `hcl:",range"`

	prefixes []string // of the keys of the blocks
	values   map[string]Value
}

// NewSettings returns the settings of an empty block: the defaults.
func NewSettings() *Settings { return &Settings{Hold: config.Duration(defaultHold)} }

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	var d hcl.Diagnostics
	wrong := func(attribute, summary, detail string) {
		r := at.At(attribute)
		d = append(d, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &r})
	}
	if _, err := goredis.ParseURL(string(s.URL)); err != nil && at.Known("url") {
		wrong("url", "this is not the URL of a Redis server", "Write redis://user@host:6379/0, rediss:// for TLS, or unix:///path/to/redis.sock.")
	}
	if s.Hold == config.Never || s.Hold > config.Duration(time.Hour) {
		wrong("hold", "hold is longer than an hour", "The source keeps its log for so long. 60s covers a failover of Redis.")
	}
	if s.PlainFillers && s.Hold < config.Duration(2*fillerDelay2) {
		wrong("hold", "hold is too short for plain_fillers", "Keys are deleted again after 2 s, which a restart has to repeat: write at least 4s.")
	}
	if s.TLS != nil && !strings.HasPrefix(string(s.URL), "rediss://") && at.Known("url") {
		wrong("url", "the URL is one without TLS", "Write rediss:// next to a tls block.")
	}
	return d
}

// UseSteps implements config.StepUser: the blocks of the sink define which keys it sweeps.
func (s *Settings) UseSteps(steps []config.Step) hcl.Diagnostics {
	s.prefixes, s.values = nil, map[string]Value{}
	var diags hcl.Diagnostics
	blocks := 0
	for _, step := range steps {
		keys, has := step.Settings.(interface{ KeyPrefixes() []string })
		if !has {
			continue
		}
		blocks++
		s.prefixes = append(s.prefixes, keys.KeyPrefixes()...)
		if refresh, is := step.Settings.(refresher); is {
			for _, p := range keys.KeyPrefixes() {
				v := Value{TTL: refresh.Lifetime(), Hash: refresh.Hash()}
				if was, has := s.values[p]; has && was != v {
					diags = append(diags, &hcl.Diagnostic{
						Severity: hcl.DiagError, Summary: fmt.Sprintf("two refresh blocks store keys that begin with %q differently", p), Subject: &s.Range,
						Detail: "Give both the same ttl and type, or begin the keys of each with a text of its own.",
					})
				}
				s.values[p] = v
			}
		}
	}
	if blocks > 0 {
		return diags
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "the sink has no block that names keys", Subject: &s.Range,
		Detail: `Add invalidate "public.orders" { keys = ["order:${row.id}"] }, or a refresh block.`,
	}}
}

// refresher are the settings of a refresh block.
type refresher interface {
	Lifetime() time.Duration
	Hash() bool
}

// CompareSink implements config.SinkComparer: a key belongs to one pipeline, and a pipeline has one sink in a Redis.
func (s *Settings) CompareSink(other any, samePipeline bool) hcl.Diagnostics {
	o, is := other.(*Settings)
	if !is || s.server() == "" || s.server() != o.server() {
		return nil
	}
	if samePipeline {
		return hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "the pipeline has another sink in this Redis", Subject: &s.Range,
			Detail: "Write the blocks of both into one sink: each would take over the keys with which the other one guards its calls.",
		}}
	}
	for _, p := range s.prefixes {
		if slices.Contains(o.prefixes, p) {
			return hcl.Diagnostics{{
				Severity: hcl.DiagError, Summary: fmt.Sprintf("another pipeline has keys that begin with %q in this Redis", p), Subject: &s.Range,
				Detail: "A key belongs to one pipeline: begin the keys of each with a text of its own.",
			}}
		}
	}
	return nil
}

// server identifies the database of Redis; "": it is not known.
func (s *Settings) server() string {
	o, err := goredis.ParseURL(string(s.URL))
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s/%d", o.Addr, o.DB)
}

// KeyChanges implements daemon.KeyChanges: the keys of the old and of the new row come from one change.
func (s *Settings) KeyChanges() bool { return true }

// Sink returns the sink of a pipeline's block. It does not connect.
func (s *Settings) Sink(pipeline, _ string, log *zap.Logger) (sink.Sink, error) {
	return New(s.options(pipeline), log), nil
}

func (s *Settings) options(pipeline string) Options {
	o := Options{
		Pipeline: pipeline, Client: s.client, Hold: time.Duration(s.Hold), PlainFillers: s.PlainFillers,
		Prefixes: s.prefixes, Values: s.values,
	}
	if parsed, err := goredis.ParseURL(string(s.URL)); err == nil {
		o.User = parsed.Username
	}
	return o
}

// Memory implements daemon.Memory: the bounds of the buffers, and half of that for the garbage collector.
func (s *Settings) Memory() int64 {
	bytes := queueBytes + journalBytes + unseenBytes + maxCommitBytes
	if s.PlainFillers {
		bytes += fillerBytes
	}
	return int64(bytes + bytes/2)
}

// client returns a client that contacts no server yet.
func (s *Settings) client() (*goredis.Client, error) {
	o, err := goredis.ParseURL(string(s.URL))
	if err != nil {
		return nil, fmt.Errorf("read the URL of Redis: %w", err)
	}
	if s.Password != nil {
		user := o.Username
		o.CredentialsProviderContext = func(context.Context) (string, string, error) {
			p, err := s.Password()
			return user, string(p), err
		}
	}
	if err := s.useTLS(o); err != nil {
		return nil, err
	}
	o.ContextTimeoutEnabled, o.MaxRetries = true, -1 // a call is repeated only after the watermark was read
	o.ClientName = "tailrace"
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return goredis.NewClient(o), nil
}

// useTLS applies the tls block to the options of a rediss:// URL.
func (s *Settings) useTLS(o *goredis.Options) error {
	c, err := s.TLS.Config()
	if c == nil || err != nil {
		return err
	}
	if c.ServerName == "" && o.TLSConfig != nil {
		c.ServerName = o.TLSConfig.ServerName
	}
	o.TLSConfig = c
	return nil
}
