package postgres

import (
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// progressSchema is the schema in the target for our own tables.
const progressSchema = "tailrace"

// schemaLock is the advisory lock under which the schema is created, because many sinks may start at the same time.
const schemaLock = "7381920465"

// schemaDDL creates the tables that a sink keeps in its target. CREATE SCHEMA IF NOT EXISTS would need the privilege even when the
// schema exists. Every transaction updates a row of tailrace.progress, so its pages have room for new row versions.
const schemaDDL = `BEGIN;
SELECT pg_catalog.pg_advisory_xact_lock(` + schemaLock + `);
DO $$ BEGIN IF pg_catalog.to_regnamespace('tailrace') IS NULL THEN CREATE SCHEMA tailrace; END IF; END $$;
CREATE TABLE IF NOT EXISTS tailrace.progress (
	pipeline text NOT NULL,
	sink text NOT NULL,
	lane text NOT NULL,
	position pg_lsn,
	seq bigint NOT NULL DEFAULT 0,
	origin jsonb,
	state bytea,
	commit_lsn pg_lsn,
	commit_xid bigint,
	commit_time timestamptz,
	verdict jsonb,
	owner text NOT NULL,
	backend int NOT NULL,
	backend_start timestamptz NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (pipeline, sink, lane)
) WITH (fillfactor = 10);
` + upgradeDDL + `
CREATE TABLE IF NOT EXISTS tailrace.parked (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	pipeline text NOT NULL,
	sink text NOT NULL,
	lane text NOT NULL,
	position pg_lsn NOT NULL,
	seq bigint NOT NULL,
	committed timestamptz NOT NULL,
	source_schema text NOT NULL,
	source_table text NOT NULL,
	target_schema text NOT NULL,
	target_table text NOT NULL,
	op text NOT NULL,
	key text,
	new_key text,
	before jsonb,
	after jsonb,
	reason text NOT NULL,
	sqlstate text,
	constraint_name text,
	message text NOT NULL,
	parked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS parked_key ON tailrace.parked (pipeline, sink, lane, target_schema, target_table, key);
COMMIT`

// upgradeDDL adds the columns that a table of an older version lacks.
const upgradeDDL = `ALTER TABLE tailrace.progress ADD COLUMN IF NOT EXISTS commit_lsn pg_lsn, ADD COLUMN IF NOT EXISTS commit_xid bigint,
	ADD COLUMN IF NOT EXISTS commit_time timestamptz, ADD COLUMN IF NOT EXISTS verdict jsonb;`

// prepare creates or upgrades the schema where necessary.
func (s *Sink) prepare(ctx context.Context, db *dml.Conn) error {
	rows, err := db.Query(ctx, `SELECT pg_catalog.to_regclass('tailrace.parked') IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_attribute
		WHERE attrelid = pg_catalog.to_regclass('tailrace.progress') AND attname = 'verdict')`)
	if err != nil {
		return named("look for tailrace.progress", err)
	}
	if string(rows[0][0]) == "t" {
		return s.prepareTables(ctx, db)
	}
	err = db.Run(ctx, schemaDDL)
	if err == nil {
		return s.prepareTables(ctx, db)
	}
	if rolled := db.Rollback(ctx); rolled != nil {
		return named("create schema tailrace", rolled)
	}
	if pgconnect.SQLState(err) == pgconnect.InsufficientPrivilege {
		return &capture.Problem{
			State: "permission_denied", Halted: true, Usage: true, Err: err,
			Reason: "the sink's role may not create schema tailrace, where the progress is kept",
			Fix: "as the database's owner: GRANT CREATE ON DATABASE <database> TO <role>;\n" +
				"or: CREATE SCHEMA tailrace AUTHORIZATION <role>;\n" +
				"where tables of an older version are another role's, as their owner: " + upgradeDDL,
		}
	}
	return named("create schema tailrace", err)
}
