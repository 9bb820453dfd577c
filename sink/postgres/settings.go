package postgres

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// Settings is a sink "postgres" block.
type Settings struct {
	// `postgres://user@host:port/database?...`
	URL config.Secret `hcl:"url"`
	// Read again at each connect.
	Password config.Credential `hcl:"password,optional"`
	// The schema for the tables; created when absent.
	//
	// Default: the source's
	Schema string `hcl:"schema,optional"`
	// `"halt"`, or `"add_columns"`: adds columns that the replica lacks, and follows [widened types](replica.md#schema-changes).
	OnSchemaChange string `hcl:"on_schema_change,optional"`
	// `"halt"`, `"source_wins"` or `"park"`: see below.
	OnConflict string `hcl:"on_conflict,optional"`
	// `"apply"`, or `"keep"`: rows that the source deletes are kept.
	Deletes string `hcl:"deletes,optional"`
	// `"apply"` or `"ignore"`.
	Truncate string `hcl:"truncate,optional"`
	// `"deferred"`: deferrable constraints are checked when a transaction ends; `"off"`: no foreign keys and no ordinary triggers, if
	// the role has the privilege.
	Constraints string `hcl:"constraints,optional"`
	// `"auto"`: the transactions have the replication origin `tailrace_<pipeline>_<sink>` if the role has the privileges;
	// `"required"`; `"off"`.
	Origin string `hcl:"origin,optional"`
	// `"copy"` or `"now"`: see [sinks without a record](#sinks-without-a-record).
	//
	// Default: by the source
	Start string `hcl:"start,optional"`
}

// NewSettings returns the settings of an empty block: the defaults.
func NewSettings() *Settings {
	return &Settings{
		OnSchemaChange: "halt", OnConflict: "halt", Deletes: "apply", Truncate: "apply", Constraints: "check", Origin: "auto",
	}
}

var policies = map[string]Policy{"": Halt, "halt": Halt, "source_wins": SourceWins, "park": Park}

var constraints = map[string]Constraints{"": Check, "check": Check, "deferred": Deferred, "off": Off}

var origins = map[string]Origin{"": OriginAuto, "auto": OriginAuto, "required": OriginRequired, "off": OriginOff}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	var d hcl.Diagnostics
	wrong := func(attribute, summary, detail string) {
		r := at.At(attribute)
		d = append(d, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &r})
	}
	oneOf := func(attribute, value string, values ...string) {
		for _, v := range append(values, "") {
			if v == value {
				return
			}
		}
		wrong(attribute, fmt.Sprintf("%s = %q is unknown", attribute, value), "There are "+strings.Join(values, ", ")+".")
	}
	if err := pgconnect.CheckURL(string(s.URL)); err != nil {
		wrong("url", "this is not a connection URL: "+err.Error(), "Write postgres://user@host:5432/database.")
	}
	if len(s.Schema) > 63 || strings.ContainsRune(s.Schema, 0) {
		wrong("schema", "this cannot be the name of a schema", "Postgres cuts names at 63 bytes.")
	}
	if strings.HasPrefix(s.Schema, "pg_") || s.Schema == progressSchema || s.Schema == "information_schema" {
		wrong("schema", fmt.Sprintf("schema %q is not for tables of a replica", s.Schema), "Name another; it is created when absent.")
	}
	oneOf("on_schema_change", s.OnSchemaChange, "halt", "add_columns")
	oneOf("on_conflict", s.OnConflict, "halt", "source_wins", "park")
	oneOf("deletes", s.Deletes, "apply", "keep")
	oneOf("truncate", s.Truncate, "apply", "ignore")
	oneOf("constraints", s.Constraints, "check", "deferred", "off")
	oneOf("start", s.Start, "copy", "now")
	oneOf("origin", s.Origin, "auto", "required", "off")
	return d
}

// Sink returns the sink of a pipeline's block. It does not connect.
func (s *Settings) Sink(pipeline, name string, log *zap.Logger) (sink.Sink, error) {
	return s.make(pipeline, name, log), nil
}

func (s *Settings) make(pipeline, name string, log *zap.Logger) *Sink {
	o := Options{
		Pipeline: pipeline, Name: name, URL: string(s.URL), Schema: s.Schema, AddColumns: s.OnSchemaChange == "add_columns",
		OnConflict: policies[s.OnConflict], KeepDeletes: s.Deletes == "keep", IgnoreTruncate: s.Truncate == "ignore",
		Constraints: constraints[s.Constraints], Origin: origins[s.Origin],
	}
	if s.Password != nil {
		o.Password = func() (string, error) {
			p, err := s.Password()
			return string(p), err
		}
	}
	return New(o, log)
}

// KeyChanges implements daemon.KeyChanges: a replica applies a change of a key as it is.
func (s *Settings) KeyChanges() bool { return true }

// Begins implements daemon.Begins.
func (s *Settings) Begins() string { return s.Start }

// Memory implements daemon.Memory. Changes are copied into small objects with many pointers, which the garbage collector has to
// follow: with less memory it takes most of the CPU while a backlog is written (bench/replica).
func (s *Settings) Memory() int64 { return 4 * (queue.Bytes + 2*queue.GroupBytes) }
