package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
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
		text: `Both may be written to meanwhile: a row counts as different only when the replica has reached the position at which
the source was read and the row has not changed since. The pipeline has to run. By default it pauses as long as it reads.
Exit code 1: something differs and was not repaired, or a table could not be compared.`,
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

	published []string        // the tables of the publications, and others that the files select
	reported  map[string]bool // pipelines whose tables without a publication are reported
	compared  int             // tables
	result    *verify.Report
}

// newVerification returns a call with the flags that all verbs on replicas have.
func newVerification(flags *flag.FlagSet) *verification {
	v := &verification{}
	flags.StringVar(&v.sink, "sink", "", "one `PIPELINE/SINK` (default: every replica of the files)")
	return v
}

// load reads the files of the call, and prints their warnings.
func (v *verification) load(a *app, paths []string) (*config.File, error) {
	v.a, v.paths = a, paths
	file, report, err := load(a, paths, false)
	if err == nil {
		printAll(a, report)
	}
	return file, err
}

func setupVerify(flags *flag.FlagSet) action {
	v := newVerification(flags)
	flags.StringVar(&v.table, "table", "", "one `TABLE` of the source, such as public.orders (default: all)")
	after := flags.String("after", "", "continue after a `KEY`, such as [\"42\"]; with -table")
	flags.BoolVar(&v.repair, "repair", false, "create missing tables and columns, and replace rows that differ by those of the source")
	flags.BoolVar(&v.fast, "fast", false, "do not pause between ranges")
	flags.BoolVar(&v.json, "json", false, "print one JSON object per line for each difference and each table")
	return func(ctx context.Context, a *app, args []string) error {
		if *after != "" {
			if v.table == "" {
				return usageError("-after needs -table")
			}
			if err := json.Unmarshal([]byte(*after), &v.after); err != nil {
				return usageError(`-after is not a key such as ["42"]`)
			}
		}
		file, err := v.load(a, args)
		if err != nil {
			return err
		}
		v.result = &verify.Report{Out: a.out, JSON: v.json, Repair: v.repair, Paths: args}
		if err := v.all(ctx, file); err != nil {
			return err
		}
		return v.verdict()
	}
}

// all compares every selected replica. A single table need not be in each of them.
func (v *verification) all(ctx context.Context, file *config.File) error {
	err := v.replicas(file, func(p config.Pipeline, name string, replica verify.Replica) error {
		return v.one(ctx, p, name, replica)
	})
	if err == nil && v.table != "" && v.compared == 0 {
		return usageError(fmt.Sprintf("no publication has a table %q%s", v.table, didYouMean(v.table, v.published)))
	}
	return err
}

// replicas calls do for every selected replica.
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
	if tables, err = v.selected(ctx, p, name, replica, verifier.Target, tables); err != nil {
		return err
	}
	for _, t := range tables {
		v.compared++
		if v.skips(p, name, t.Source) {
			continue
		}
		if err := v.compare(ctx, verifier, t); err != nil {
			return err
		}
	}
	return nil
}

// selected returns the tables that the call compares: all of them, or the one with the name in -table. If no table has that name, it is
// the one that the replica recorded under it: the source has renamed it since, and a fix that was printed before names it so.
func (v *verification) selected(
	ctx context.Context, p config.Pipeline, name string, replica verify.Replica, target *pgconn.PgConn, tables []verify.Table,
) ([]verify.Table, error) {
	for _, t := range tables {
		v.published = append(v.published, t.Source.String())
	}
	if v.table == "" {
		return tables, nil
	}
	of := func(is func(verify.Table) bool) []verify.Table {
		return slices.DeleteFunc(slices.Clone(tables), func(t verify.Table) bool { return !is(t) })
	}
	if named := of(func(t verify.Table) bool { return t.Source.String() == v.table }); len(named) > 0 {
		return named, nil
	}
	oid, err := replica.Recorded(ctx, target, p.Name, name, v.table)
	if err != nil || oid == 0 {
		return nil, err
	}
	renamed := of(func(t verify.Table) bool { return t.OID == oid })
	for _, t := range renamed {
		fmt.Fprintf(v.a.err, "%s is called %s in the source now\n", v.table, t.Source)
	}
	return renamed, nil
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
		closeConn(source)
		return nil, nil, nil, err
	}
	end = func() { closeConn(source); closeConn(target) }
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
	verifier.Misfits = func(ctx context.Context, n verify.Name, types map[string][]string) ([]string, error) {
		return replica.Misfits(ctx, target, p.Name, name, n.Schema, n.Table, types)
	}
	if verifier.End, err = endOf(p); err == nil {
		tables, err = verify.Tables(ctx, source, publication, func(n verify.Name) verify.Name {
			schema, table := replica.Lands(n.Schema, n.Table)
			return verify.Name{Schema: schema, Table: table}
		})
	}
	if reducer, can := readable.(verify.Reducer); err == nil && can && reducer.Reduces(p.Name) {
		var delivered []*capture.Table
		if delivered, err = reducer.Tables(ctx, p.Name); err == nil {
			verify.Reduce(tables, delivered)
		}
	}
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	return tables, verifier, end, nil
}

// endOf returns a function that reads the current end of the source's WAL.
func endOf(p config.Pipeline) (func(context.Context) (capture.LSN, error), error) {
	settings, ok := p.Source.Settings.(daemon.SourceSettings)
	if !ok {
		return nil, fmt.Errorf("source %q: %T has no method Source", p.Source.Kind, p.Source.Settings)
	}
	source, err := settings.Source(p.Name, zap.NewNop())
	if err != nil {
		return nil, err
	}
	w, ok := source.(capture.WALEnd)
	if !ok {
		return nil, fmt.Errorf("a source of type %q has no write-ahead log", p.Source.Kind)
	}
	return w.WALEnd, nil
}

func closeConn(conn *pgconn.PgConn) { _ = conn.Close(context.Background()) }

// compare compares one table. When it is interrupted the error has the command that continues.
func (v *verification) compare(ctx context.Context, verifier *verify.Verifier, t verify.Table) error {
	var terminal io.Writer
	if isTerminal(v.a.err) {
		terminal = v.a.err
	}
	bar := verify.NewBar(terminal, t)
	after := v.after
	verifier.Progress = func(p verify.Progress) {
		bar.Show(p)
		if p.After != nil {
			after = p.After
		}
	}
	r, err := verifier.Table(ctx, t, v.after)
	bar.Clear()
	v.result.Table(t, r)
	if ctx.Err() != nil && after != nil {
		key, _ := json.Marshal(after)
		return fmt.Errorf("interrupted; to continue: tailrace verify -table '%s' -after '%s' %s", t.Source, key, strings.Join(v.paths, " "))
	}
	if errors.Is(err, verify.ErrTooMany) {
		return exit(failed)
	}
	return err
}

// verdict prints the last line and returns the exit code.
func (v *verification) verdict() error {
	if v.result.Busy > 0 {
		fmt.Fprintf(v.a.err, "%s changed at every attempt and could not be compared\n", count(v.result.Busy, "row"))
	}
	if v.result.Wrong > 0 {
		return exit(failed)
	}
	return nil
}
