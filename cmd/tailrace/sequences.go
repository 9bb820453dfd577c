package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/replica/indexes"
	"github.com/tailrace/tailrace/internal/replica/sequences"
	"github.com/tailrace/tailrace/internal/replica/verify"
)

func sequencesVerb() *verb {
	return &verb{
		name:    "sequences",
		args:    "[-sink PIPELINE/SINK] [-apply] PATH...",
		summary: "set the sequences of replicas to those of their source, before a switch-over",
		text: `It prints the SQL that creates the sequences and identity columns that a replica lacks and advances those that are
behind; with -apply it runs it. Stop the writers of the source first: later numbers are not included.`,
		examples: `  tailrace sequences orders.hcl
  tailrace sequences -apply orders.hcl`,
		setup: setupStatements(sequences.Statements),
	}
}

func indexesVerb() *verb {
	return &verb{
		name:    "indexes",
		args:    "[-sink PIPELINE/SINK] [-apply] PATH...",
		summary: "create the secondary indexes of the source in replicas",
		text: `It prints the SQL that creates the indexes that a replica lacks; with -apply it runs one statement after the other,
without blocking writes. Run it after the first copy: rows are copied faster into tables without indexes.`,
		examples: `  tailrace indexes orders.hcl
  tailrace indexes -apply orders.hcl`,
		setup: setupStatements(indexes.Statements),
	}
}

// statements returns the SQL for what a replica lacks besides its rows.
type statements func(ctx context.Context, source, target *pgconn.PgConn, tables []verify.Table) ([]string, error)

func setupStatements(lacking statements) func(*flag.FlagSet) action {
	return func(flags *flag.FlagSet) action {
		v := newVerification(flags)
		apply := flags.Bool("apply", false, "run the SQL")
		return func(ctx context.Context, a *app, args []string) error {
			file, err := v.load(a, args)
			if err != nil {
				return err
			}
			return v.replicas(file, func(p config.Pipeline, name string, replica verify.Replica) error {
				return v.runStatements(ctx, p, name, replica, lacking, *apply)
			})
		}
	}
}

// runStatements prints, and runs, the SQL for one replica.
func (v *verification) runStatements(ctx context.Context, p config.Pipeline, name string, replica verify.Replica, lacking statements, apply bool) error {
	tables, sides, end, err := v.open(ctx, p, name, replica)
	if err != nil {
		return err
	}
	defer end()
	all, err := lacking(ctx, sides.Source, sides.Target, tables)
	if err != nil {
		return err
	}
	fmt.Fprintf(v.a.out, "-- %s/%s: %s\n", p.Name, name, count(len(all), "statement"))
	for _, sql := range all {
		fmt.Fprintln(v.a.out, sql+";")
		if !apply {
			continue
		}
		if _, err := sides.Target.ExecParams(ctx, sql, nil, nil, nil, nil).Close(); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}
