// Command migrations runs the migrations of a real application up and down in a source while the daemon streams into a
// replica, writes rows between them, follows every fix that the daemon prints, and compares all tables after each step.
//
//	go run ./bench/migrations -app wagtail -postgres 15
//	go run ./bench/migrations -app airflow -postgres 18
//
// It installs the application into a virtual environment below -cache, with python3 and pip. The exit code is 1 when a step
// ends with a difference that no state reports, or with a fix that does not lead to equal tables. After such a step the
// replica is copied from scratch, so that the next step starts from equal tables.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger/ddl"
	"github.com/tailrace/tailrace/internal/testenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	faults, err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "migrations:", err)
	}
	if err != nil || faults > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context) (faults int, err error) {
	cacheDir, err := os.UserCacheDir()
	if err != nil {
		return 0, err
	}
	name := flag.String("app", "wagtail", "the `application`: airflow or wagtail")
	version := flag.Int("postgres", testenv.Newest, "major `version` of source and target")
	cache := flag.String("cache", filepath.Join(cacheDir, "tailrace-migrations"), "`folder` of the virtual environments")
	seed := flag.Uint64("seed", 1, "`number` that chooses the rows")
	schemaChange := flag.String("on_schema_change", "add_columns", "of the sink")
	flag.Parse()
	a, known := apps[*name]
	if !known {
		return 0, fmt.Errorf("-app %q: airflow or wagtail", *name)
	}
	dir, err := os.MkdirTemp("", "tailrace-migrations-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	server, err := testenv.StartPostgres(testenv.Version(*version))
	if err != nil {
		return 0, err
	}
	defer server.Close()
	j := &job{app: a, dir: dir, server: server, venv: filepath.Join(*cache, a.name+"-"+a.release)}
	if err := j.prepare(ctx, *seed, *schemaChange); err != nil {
		return 0, err
	}
	defer j.stage.Close()
	return j.steps(ctx)
}

// job is one run.
type job struct {
	app
	dir, venv string
	server    *testenv.PostgresServer
	stage     *ddl.Stage
	rows      *writer
	full      []string // tables that have REPLICA IDENTITY FULL for the duration of a step
}

// prepare installs the application, creates its first tables with rows, and starts the daemon.
func (j *job) prepare(ctx context.Context, seed uint64, schemaChange string) error {
	if err := j.install(ctx); err != nil {
		return err
	}
	binary := filepath.Join(j.dir, "tailrace")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/tailrace").CombinedOutput(); err != nil {
		return fmt.Errorf("build tailrace: %w\n%s", err, out)
	}
	j.stage = &ddl.Stage{ // a restart that no fix asks for would publish new tables before a state names them
		Binary: binary, Pipeline: j.name, Dir: j.dir, Source: j.server.URL("app"), Target: j.server.URL("replica"),
		Settings: fmt.Sprintf("on_schema_change = %q", schemaChange), Quiet: j.spared,
	}
	var err error
	for i := range j.stage.Listen {
		if j.stage.Listen[i], err = testenv.FreeAddress(); err != nil {
			return err
		}
	}
	if j.rows, err = newWriter(ctx, j.server.URL(), j.stage.Source, seed); err != nil {
		return err
	}
	j.rows.spared = j.spared
	if err := j.migrate(ctx, j.first); err != nil {
		return err
	}
	if err := j.rows.write(ctx); err != nil {
		return err
	}
	if err := j.stage.Open(ctx); err != nil {
		return err
	}
	return j.stage.Start(ctx)
}

// steps runs the migrations and classifies the outcome of each.
func (j *job) steps(ctx context.Context) (faults int, err error) {
	for _, s := range j.later {
		if err := j.migrate(ctx, s); err != nil {
			return faults, err
		}
		if err := j.rows.write(ctx); err != nil {
			return faults, err
		}
		var f *ddl.Fault
		switch err := j.stage.Settle(ctx); {
		case errors.As(err, &f):
			faults++
			fmt.Printf("%s: FAULT: %v\n", s.what, f)
			if err := j.stage.Again(ctx); err != nil {
				return faults, err
			}
		case err != nil:
			return faults, fmt.Errorf("%s: %w", s.what, err)
		default:
			fmt.Printf("%s: equal; %s\n", s.what, j.rows)
		}
	}
	return faults, nil
}

// migrate runs the commands of a step. Where Postgres refuses a change of a table that has lost its replica identity, it does what
// docs/operations.md recommends, and runs the command again.
func (j *job) migrate(ctx context.Context, s step) error {
	for _, args := range s.commands {
		for {
			out, err := j.command(ctx, args)
			if err == nil {
				break
			}
			table := unidentified(out)
			if table == "" || slices.Contains(j.full, table) {
				return fmt.Errorf("%s: %v: %w\n%s", s.what, args, err, out[max(0, len(out)-3000):])
			}
			fmt.Printf("%s: Postgres refuses to change %s, which gets REPLICA IDENTITY FULL for this step\n", s.what, table)
			if err := j.rows.exec(ctx, "ALTER TABLE "+table+" REPLICA IDENTITY FULL"); err != nil {
				return err
			}
			j.full = append(j.full, table)
		}
	}
	for _, table := range j.full {
		if err := j.rows.exec(ctx, fmt.Sprintf(backToDefault, table)); err != nil {
			return err
		}
	}
	j.full = nil
	return nil
}

// backToDefault does what the operator does when a table has a primary key again.
const backToDefault = `DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass('%[1]s') AND indisprimary) THEN
    ALTER TABLE %[1]s REPLICA IDENTITY DEFAULT;
  END IF;
END $$`

func (j *job) command(ctx context.Context, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(j.venv, "bin", args[0]), args[1:]...)
	cmd.Dir = j.dir
	cmd.Env = append(os.Environ(), j.environment(j)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var refusal = regexp.MustCompile(`cannot (?:update|delete from) table "([^"]+)" because it does not have a replica identity`)

// unidentified returns the table whose change Postgres has refused because it has no replica identity; "": none.
func unidentified(out string) string {
	if m := refusal.FindStringSubmatch(out); m != nil {
		return pgx.Identifier{m[1]}.Sanitize()
	}
	return ""
}
