package redis

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/sink"
)

// defaultHold covers a failover of Redis together with a crash of the daemon: writes that Redis has acknowledged may be lost.
const defaultHold = 60 * time.Second

// Settings is a sink "redis" block.
type Settings struct {
	// `redis://user@host:6379/0`, `rediss://` with TLS, `unix:///path/to/redis.sock`.
	URL config.Secret `hcl:"url"`
	// Read again for each connection.
	Password config.Credential `hcl:"password,optional"`
	// How long a commit that is applied stays in the slot, since Redis may lose writes that it has acknowledged. At most an hour.
	Hold config.Duration `hcl:"hold,optional"`
	// `true`: clients GET and SET by themselves, so keys are deleted again after 250 ms and 2 s.
	PlainFillers bool      `hcl:"plain_fillers,optional"`
	Range        hcl.Range `hcl:",range"`

	prefixes []string // of the keys of the blocks
	ttls     map[string]time.Duration
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
	return d
}

// UseSteps implements config.StepUser: the blocks of the sink define which keys it sweeps.
func (s *Settings) UseSteps(steps []config.Step) hcl.Diagnostics {
	s.prefixes, s.ttls = nil, map[string]time.Duration{}
	blocks := 0
	for _, step := range steps {
		keys, has := step.Settings.(interface{ KeyPrefixes() []string })
		if !has {
			continue
		}
		blocks++
		s.prefixes = append(s.prefixes, keys.KeyPrefixes()...)
		if lives, can := step.Settings.(interface{ Lifetime() time.Duration }); can {
			for _, p := range keys.KeyPrefixes() {
				s.ttls[p] = lives.Lifetime()
			}
		}
	}
	if blocks > 0 {
		return nil
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "the sink has no block that names keys", Subject: &s.Range,
		Detail: `Add invalidate "public.orders" { keys = ["order:${row.id}"] }, or a refresh block.`,
	}}
}

// KeyChanges implements daemon.KeyChanges: the keys of the old and of the new row come from one change.
func (s *Settings) KeyChanges() bool { return true }

// Sink returns the sink of a pipeline's block. It does not connect.
func (s *Settings) Sink(pipeline, _ string, log *zap.Logger) (sink.Sink, error) {
	return New(s.options(pipeline), log), nil
}

func (s *Settings) options(pipeline string) Options {
	return Options{
		Pipeline: pipeline, Client: s.client, Hold: time.Duration(s.Hold), PlainFillers: s.PlainFillers,
		Prefixes: s.prefixes, TTLs: s.ttls,
	}
}

// client returns a client that contacts no server yet. It reads the password again.
func (s *Settings) client() (goredis.UniversalClient, error) {
	o, err := goredis.ParseURL(string(s.URL))
	if err != nil {
		return nil, fmt.Errorf("read the URL of Redis: %w", err)
	}
	if s.Password != nil {
		p, err := s.Password()
		if err != nil {
			return nil, fmt.Errorf("read the password of Redis: %w", err)
		}
		o.Password = string(p)
	}
	o.ContextTimeoutEnabled, o.MaxRetries = true, -1 // a call is repeated only after the watermark was read
	return goredis.NewClient(o), nil
}
