package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Settings is a `source "postgres"` block.
type Settings struct {
	// `postgres://user@host:port/database?...`
	URL config.Secret `hcl:"url"`
	// Read again for each connection.
	Password config.Credential `hcl:"password,optional"`
	// `schema.table`, the schema up to the first dot, exact text without quoting; `*` is a wildcard. A partitioned table stands for its
	// partitions; see [partition trees](operations.md#partition-trees). A pipeline whose sinks have only
	// [`messages`](#messages) blocks needs none.
	Include []string `hcl:"tables,optional"`
	// Tables to leave out although `tables` matches them.
	Except []string `hcl:"except,optional"`
	// Replication slot: up to 54 of `a-z`, `0-9`, `_`; created at the first start, with the snapshot. If an administrator created the
	// slot before the first start, each sink is [one without a record](#sinks-without-a-record).
	//
	// Default: `tailrace_<pipeline>`
	Slot string `hcl:"slot,optional"`
	// Created, and kept equal to this block.
	//
	// Default: `tailrace_<pipeline>`
	Publication string `hcl:"publication,optional"`
	// `false`: an administrator creates the publication, before the first start; see
	// [operations](operations.md#what-the-database-has-to-grant).
	Manage bool `hcl:"manage,optional"`
	// Failover slot, Postgres 17 and later; an existing slot becomes one at the next start.
	Failover bool `hcl:"failover,optional"`
	// `"1s"` to `"10m"`: how often tailrace asks an idle server for its position, so that the server retains no WAL for it.
	Heartbeat config.Duration `hcl:"heartbeat,optional"`
	// `"none"`: transactions with a replication origin, such as those of a `sink "postgres"`, are left out of the stream, but not of the
	// snapshot.
	Origin string `hcl:"origin,optional"`
	// Prefix of the logical messages that [annotate their transaction](events.md#who-why-trace); `""`: none do. Postgres 14 and later.
	Annotations string           `hcl:"annotations,optional"`
	Snapshot    SnapshotSettings `hcl:"snapshot,block"`
	Options     []TableSettings  `hcl:"table,block"`

	noTables *hcl.Range                          // where tables would be, when the block names none; otherwise nil
	tables   bool                                // the tables are known: they are not in an offline check without the environment
	masked   func(schema, table string) []string // nil: there are no masks
}

// SnapshotSettings is the snapshot block.
type SnapshotSettings struct {
	// `"initial"`, or `"never"`: changes from now on only, also for [sinks without a record](#sinks-without-a-record).
	Mode string `hcl:"mode,optional"`
}

// The values of Settings.Origin, named as in Postgres' own subscriptions.
const (
	originAny  = "any"
	originNone = "none"
)

// NewSettings returns the settings of an empty block: the defaults.
func NewSettings() *Settings {
	return &Settings{
		Manage: true, Heartbeat: config.Duration(10 * time.Second), Origin: originAny, Annotations: DefaultAnnotations,
		Snapshot: SnapshotSettings{SnapshotInitial},
	}
}

// Config returns the Config of the block in a pipeline. It contacts no server.
func (s *Settings) Config(pipeline string) (Config, error) {
	name := "tailrace_" + strings.ToLower(strings.ReplaceAll(pipeline, "-", "_"))
	c := Config{
		URL: string(s.URL), Tables: s.Include, Except: s.Except, Slot: s.Slot, Publication: s.Publication,
		Manage: s.Manage, Failover: s.Failover, Heartbeat: time.Duration(s.Heartbeat), Snapshot: s.Snapshot.Mode,
		ShutdownGrace: DefaultShutdownGrace, SkipReplicated: s.Origin == originNone, Annotations: s.Annotations,
	}
	if s.Password != nil {
		c.Password = func() (string, error) {
			p, err := s.Password()
			return string(p), err
		}
	}
	if c.Slot == "" {
		c.Slot = name
	}
	if c.Publication == "" {
		c.Publication = name
	}
	c.Masked = s.masked
	for i := range s.Options {
		if err := s.Options[i].add(&c, pipeline); err != nil {
			return c, err
		}
	}
	if !slot.ValidName(c.Slot) {
		return c, problem.Refusal("slot_name_invalid", fmt.Sprintf("%q cannot be the name of a slot", c.Slot),
			"give the source a slot: up to 54 of a-z, 0-9 and _")
	}
	return c, nil
}

// Source creates the source; it contacts no server.
func (s *Settings) Source(pipeline string, log *zap.Logger) (capture.Source, error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, err
	}
	return New(c, log), nil
}

// Copies implements daemon.Copies.
func (s *Settings) Copies() bool { return s.Snapshot.Mode == SnapshotInitial }

// Check looks at the live server and returns every problem it finds; it changes nothing.
func (s *Settings) Check(ctx context.Context, pipeline string) []error {
	c, err := s.Config(pipeline)
	if err != nil {
		return []error{err}
	}
	return c.check(ctx)
}

// Look reads what the start rule needs, for the records of sinks: the origin, the slot, and what the server knows about
// each record. It changes nothing and does not acquire the slot, so a daemon may be running.
func (s *Settings) Look(ctx context.Context, pipeline string, records []capture.Record) (
	capture.Origin, capture.Slot, []capture.Comparison, error,
) {
	c, err := s.Config(pipeline)
	if err != nil {
		return capture.Origin{}, capture.Slot{}, nil, err
	}
	return c.readForStartRule(ctx, records)
}

// Drop removes the slot and, if tailrace manages it, the publication. It refuses a slot that is in use. It returns a line
// for each object that it removed or, with dry, would remove, and a line beginning with "left: " for each object that it
// leaves.
func (s *Settings) Drop(ctx context.Context, pipeline string, dry bool) ([]string, error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, err
	}
	return c.drop(ctx, dry)
}

// Unpublished implements verify.Unpublished.
func (s *Settings) Unpublished(ctx context.Context, pipeline string) ([][2]string, error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, err
	}
	conn, err := c.control(ctx)
	if err != nil {
		return nil, err
	}
	defer hangUp(ctx, conn.Close)
	return c.publication().Unpublished(ctx, conn)
}

// CheckSettings checks everything that needs no server.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	var ds hcl.Diagnostics
	s.tables = at.Known("tables") && at.Known("except") && at.Known("manage") && s.Manage
	add := func(attribute, summary, detail string) { ds = append(ds, mistake(at.At(attribute), summary, detail)) }
	if err := pgconnect.CheckURL(string(s.URL)); err != nil {
		add("url", "this is not a connection URL: "+err.Error(), "Write postgres://user@host:5432/database.")
	}
	if s.Slot != "" && !slot.ValidName(s.Slot) {
		add("slot", "this cannot be the name of a slot", "Use up to 54 of a-z, 0-9 and _.")
	}
	if len(s.Publication) > 63 || strings.ContainsRune(s.Publication, 0) {
		add("publication", "this cannot be the name of a publication", "Postgres cuts names at 63 bytes.")
	}
	if h := time.Duration(s.Heartbeat); h < time.Second || h > 10*time.Minute {
		add("heartbeat", "heartbeat must be between 1s and 10m", "An idle database's WAL is released at this interval.")
	}
	if s.Origin != originAny && s.Origin != originNone {
		add("origin", fmt.Sprintf("origin = %q is unknown", s.Origin), "It is any or none.")
	}
	if strings.ContainsRune(s.Annotations, 0) {
		add("annotations", "this cannot be the prefix of a message", `Write it as the application does, or "" for no annotations.`)
	}
	if s.Manage && len(s.Include)+len(s.Options) == 0 && at.Known("tables") {
		where := at.At("tables")
		s.noTables = &where
	}
	if !s.Manage && len(s.Except) > 0 {
		add("except", "except has no effect with manage = false", "The publication decides what is published.")
	}
	for _, text := range s.Include {
		if _, err := publication.ParsePattern(text); err != nil {
			add("tables", err.Error(), `Write "schema.table", without quotes inside; * is a wildcard.`)
		}
	}
	for _, text := range s.Except {
		if _, err := publication.ParsePattern(text); err != nil {
			add("except", err.Error(), `Write "schema.table", without quotes inside; * is a wildcard.`)
		} else if slices.Contains(s.Include, text) {
			add("except", fmt.Sprintf("%q is in tables and in except", text), "Take it out of one of them.")
		}
	}
	return append(ds, s.checkOptions()...)
}

// checkOptions checks the table blocks against each other and against the other settings.
func (s *Settings) checkOptions() hcl.Diagnostics {
	var ds hcl.Diagnostics
	seen := map[string]bool{}
	for _, t := range s.Options {
		if seen[t.Name] {
			ds = append(ds, mistake(t.Range, fmt.Sprintf("there are two blocks for table %q", t.Name), "Merge them."))
		}
		seen[t.Name] = true
		schema, name, _ := capture.SplitName(t.Name)
		for _, text := range s.Except {
			if p, err := publication.ParsePattern(text); err == nil && p.Match(schema, name) {
				ds = append(ds, mistake(t.Range, fmt.Sprintf("except leaves out table %q", t.Name), fmt.Sprintf("It is %q.", text)))
			}
		}
		ds = append(ds, t.checkManage(s.Manage)...)
	}
	return ds
}

// CheckSettings checks the snapshot block.
func (s *SnapshotSettings) CheckSettings(at config.Positions) hcl.Diagnostics {
	if s.Mode == SnapshotInitial || s.Mode == SnapshotNever {
		return nil
	}
	return hcl.Diagnostics{mistake(at.At("mode"), fmt.Sprintf("unknown snapshot mode %q", s.Mode), "Valid modes: initial, never.")}
}

func mistake(r hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &r}
}
