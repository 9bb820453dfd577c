package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/internal/replica/verify"
)

func verifyVerb() *verb {
	return &verb{
		name:    "verify",
		args:    "[-sink PIPELINE/SINK] [-table T] [-repair] [-json] PATH...",
		summary: "compare replicas with their source, and repair them",
		text: `Both may be written to meanwhile: a row is called different only when the replica has come to where the source
was and the row has not changed. The pipeline has to run. By default it rests as long as it reads.
Exit code 1: something differs and was not repaired.`,
		examples: `  tailrace verify orders.hcl
  tailrace verify -table public.orders -repair orders.hcl`,
		setup: setupVerify,
	}
}

// verification is one call of the verb.
type verification struct {
	a      *app
	paths  []string
	sink   string // "pipeline/sink"; "": all
	table  string // of the source; "": all
	after  []string
	repair bool
	fast   bool
	json   bool

	published []string        // the tables of the publications, and those that the files take besides
	looked    map[string]bool // pipelines whose tables without a publication are reported
	compared  int             // tables
	wrong     int             // rows, or tables, that differ and were not repaired
	busy      int
}

func setupVerify(flags *flag.FlagSet) action {
	v := &verification{}
	flags.StringVar(&v.sink, "sink", "", "one `PIPELINE/SINK` (default: every replica of the files)")
	flags.StringVar(&v.table, "table", "", "one `TABLE` of the source, as public.orders (default: all)")
	after := flags.String("after", "", "go on behind a `KEY`, as [\"42\"]; with -table")
	flags.BoolVar(&v.repair, "repair", false, "make tables and columns that are missing, and put the source's rows in place of what differs")
	flags.BoolVar(&v.fast, "fast", false, "do not rest between ranges")
	flags.BoolVar(&v.json, "json", false, "a JSON object a line for each difference and each table")
	return func(ctx context.Context, a *app, args []string) error {
		v.a, v.paths = a, args
		if *after != "" {
			if v.table == "" {
				return usageError("-after needs -table")
			}
			if err := json.Unmarshal([]byte(*after), &v.after); err != nil {
				return usageError(`-after is not a key such as ["42"]`)
			}
		}
		file, report, err := load(a, args, false)
		if err != nil {
			return err
		}
		printAll(a, report)
		if err := v.all(ctx, file); err != nil {
			return err
		}
		return v.verdict()
	}
}

// all compares every replica that is asked for. A single table need not be in each of them.
func (v *verification) all(ctx context.Context, file *config.File) error {
	err := v.replicas(file, func(p config.Pipeline, name string, replica verify.Replica) error {
		return v.one(ctx, p, name, replica)
	})
	if err == nil && v.table != "" && v.compared == 0 {
		return usageError(fmt.Sprintf("no publication has a table %q%s", v.table, didYouMean(v.table, v.published)))
	}
	return err
}

// replicas calls do for every replica that is asked for.
func (v *verification) replicas(file *config.File, do func(config.Pipeline, string, verify.Replica) error) error {
	var names []string
	found := false
	for _, p := range file.Pipelines {
		for _, b := range p.Sinks {
			replica, ok := b.Settings.(verify.Replica)
			if !ok {
				continue
			}
			name := p.Name + "/" + b.Name
			names = append(names, name)
			if v.sink != "" && v.sink != name {
				continue
			}
			found = true
			if err := do(p, b.Name, replica); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	switch {
	case found:
		return nil
	case v.sink != "":
		return usageError(fmt.Sprintf("the files have no replica %q that is enabled%s", v.sink, didYouMean(v.sink, names)))
	}
	return usageError(`the files have no sink "postgres" that is enabled`)
}

// one compares one replica.
func (v *verification) one(ctx context.Context, p config.Pipeline, name string, replica verify.Replica) error {
	tables, verifier, end, err := v.open(ctx, p, name, replica)
	if err != nil {
		return err
	}
	defer end()
	if err := v.unpublished(ctx, p); err != nil {
		return err
	}
	for _, t := range tables {
		v.published = append(v.published, t.Source.String())
		if v.table != "" && t.Source.String() != v.table {
			continue
		}
		v.compared++
		if err := v.compare(ctx, verifier, t); err != nil {
			return err
		}
	}
	return nil
}

// open connects to both sides.
func (v *verification) open(ctx context.Context, p config.Pipeline, name string, replica verify.Replica) (
	tables []verify.Table, verifier *verify.Verifier, end func(), err error,
) {
	readable, ok := p.Source.Settings.(verify.Source)
	if !ok {
		return nil, nil, nil, usageError(fmt.Sprintf("the tables of a source %q cannot be read", p.Source.Kind))
	}
	source, publication, err := readable.Read(ctx, p.Name)
	if err != nil {
		return nil, nil, nil, err
	}
	target, err := replica.Read(ctx, p.Name, name)
	if err != nil {
		hangUp(source)
		return nil, nil, nil, err
	}
	end = func() { hangUp(source); hangUp(target) }
	verifier = &verify.Verifier{Source: source, Target: target, Repair: v.repair, Keeps: replica.Keeps(), Rest: 1, Durable: func(ctx context.Context) (capture.Position, error) {
		return replica.Durable(ctx, target, p.Name, name)
	}}
	if v.fast {
		verifier.Rest = 0
	}
	verifier.Make = func(ctx context.Context, n verify.Name, ready func(context.Context) error) (did []string, err error) {
		err = readable.Describe(ctx, p.Name, n.Schema, n.Table, func(t *capture.Table) error {
			if err := ready(ctx); err != nil {
				return err
			}
			did, err = replica.Make(ctx, target, p.Name, name, t)
			return err
		})
		return did, err
	}
	if verifier.End, err = endOf(p); err == nil {
		tables, err = verify.Tables(ctx, source, publication, func(n verify.Name) verify.Name {
			schema, table := replica.Lands(n.Schema, n.Table)
			return verify.Name{Schema: schema, Table: table}
		})
	}
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	return tables, verifier, end, nil
}

// endOf is how to ask where the source's WAL ends.
func endOf(p config.Pipeline) (func(context.Context) (capture.LSN, error), error) {
	settings, ok := p.Source.Settings.(daemon.SourceSettings)
	if !ok {
		return nil, fmt.Errorf("source %q: %T makes no source", p.Source.Kind, p.Source.Settings)
	}
	source, err := settings.Source(p.Name, zap.NewNop())
	if err != nil {
		return nil, err
	}
	asked, ok := source.(daemon.WALEnd)
	if !ok {
		return nil, fmt.Errorf("source %q does not tell where its log ends", p.Source.Kind)
	}
	return asked.WALEnd, nil
}

func hangUp(conn *pgconn.PgConn) { _ = conn.Close(context.Background()) }

// compare compares one table, and says how to go on where it was interrupted.
func (v *verification) compare(ctx context.Context, verifier *verify.Verifier, t verify.Table) error {
	bar := newBar(v.a, t)
	after := v.after
	verifier.Progress = func(p verify.Progress) {
		bar.show(p)
		if p.After != nil {
			after = p.After
		}
	}
	r, err := verifier.Table(ctx, t, v.after)
	bar.clear()
	v.report(t, r)
	if ctx.Err() != nil && after != nil {
		key, _ := json.Marshal(after)
		return fmt.Errorf("interrupted; to go on: tailrace verify -table '%s' -after '%s' %s", t.Source, key, strings.Join(v.paths, " "))
	}
	if errors.Is(err, verify.ErrTooMany) {
		return exit(failed)
	}
	return err
}

// verdict is the last line, and the exit code.
func (v *verification) verdict() error {
	if v.busy > 0 {
		fmt.Fprintf(v.a.err, "%s changed at every look: nothing is said about them\n", count(v.busy, "row"))
	}
	if v.wrong > 0 {
		return exit(failed)
	}
	return nil
}
