package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/jackc/pgx/v5/pgconn"
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
	URL         config.Secret     `hcl:"url"`
	Password    config.Credential `hcl:"password,optional"`
	Include     []string          `hcl:"tables,optional"`
	Except      []string          `hcl:"except,optional"`
	Slot        string            `hcl:"slot,optional"`
	Publication string            `hcl:"publication,optional"`
	Manage      bool              `hcl:"manage,optional"`
	Failover    bool              `hcl:"failover,optional"`
	Heartbeat   config.Duration   `hcl:"heartbeat,optional"`
	Origin      string            `hcl:"origin,optional"`
	Annotations string            `hcl:"annotations,optional"`
	Snapshot    SnapshotSettings  `hcl:"snapshot,block"`
	Options     []TableSettings   `hcl:"table,block"`

	tables bool                                // the tables are known: they are not in an offline check without the environment
	masked func(schema, table string) []string // nil: there are no masks
}

// SnapshotSettings is the snapshot block.
type SnapshotSettings struct {
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
		add("tables", "no tables are named", `Name some, as "public.orders" or "public.*", or set manage = false `+
			"to take what the publication publishes.")
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

// Read opens a connection for queries, without a time limit, on which values are printed as in the stream. It also returns
// the name of the publication that the stream carries. The caller closes the connection.
func (s *Settings) Read(ctx context.Context, pipeline string) (*pgconn.PgConn, string, error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, "", err
	}
	conn, err := c.control(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := pgconnect.Exec(ctx, conn, "SET statement_timeout = 0"); err != nil {
		hangUp(ctx, conn.Close)
		return nil, "", problem.Named("prepare connection", err)
	}
	return conn.PgConn(), c.Publication, nil
}
