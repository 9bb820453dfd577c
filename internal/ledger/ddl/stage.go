package ddl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Stage is a source, a replica and the daemon between them.
type Stage struct {
	Binary         string
	Pipeline       string    // its name
	Source, Target string    // URLs
	Listen         [2]string // addresses for the daemon and the one that takes over
	Dir            string    // of its files
	Tables         string    // the source's tables, as in its block; "": all of schema public
	Settings       string    // lines of the sink's block
	Restart        bool      // the daemon is restarted after a fix; otherwise it continues by itself
	Quiet          []string  // tables of schema public without rows: not in the stream, so verify -repair creates their shape
	Patience       time.Duration
	Looks          time.Duration // how long to wait for the state of a difference that the stream does not contain

	source, target *pgx.Conn
	daemon         *Daemon
	copied         map[uint32]bool // the tables of the first copy, by OID
	started        int
	which          int // the file and the address of the daemon
}

const stageFile = `daemon {
  listen = %q
}

pipeline %q {
  source "postgres" {
    url    = %q
    tables = [%s]
  }

  sink "postgres" "copy" {
    url = %q
    %s
  }
}
`

// Open connects to both sides and writes the files.
func (s *Stage) Open(ctx context.Context) (err error) {
	if s.Patience == 0 {
		s.Patience = 90 * time.Second
	}
	if s.Looks == 0 {
		s.Looks = defaultLooks
	}
	if s.source, err = connect(ctx, s.Source); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	if s.target, err = connect(ctx, s.Target); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	return s.write(s.Settings)
}

// write writes the files of both daemons.
func (s *Stage) write(settings string) error {
	for i, listen := range s.Listen {
		text := fmt.Sprintf(stageFile, listen, s.Pipeline, s.Source, cmp.Or(s.Tables, `"public.*"`), s.Target, settings)
		if err := os.WriteFile(s.file(i), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// connect opens a connection in UTC, because the text of rows depends on the time zone.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	config.RuntimeParams["timezone"] = "UTC"
	return pgx.ConnectConfig(ctx, config)
}

func (s *Stage) file(i int) string {
	return filepath.Join(s.Dir, fmt.Sprintf("%s-%d.hcl", s.Pipeline, i))
}

// Close stops the daemon and closes the connections.
func (s *Stage) Close() {
	if s.daemon != nil {
		s.daemon.Kill()
	}
	for _, conn := range []*pgx.Conn{s.source, s.target} {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}
}

// Run runs a program. A finding is a *Fault; any other error comes from the servers or the program itself.
func (s *Stage) Run(ctx context.Context, p Program) error {
	if p.has("add_columns") {
		s.Settings += "\n    on_schema_change = \"add_columns\""
	}
	s.Restart = p.has("restart")
	if err := s.Open(ctx); err != nil {
		return err
	}
	return s.actions(ctx, p)
}

func (s *Stage) actions(ctx context.Context, p Program) error {
	for i, a := range p {
		err := s.act(ctx, a)
		if errors.Is(err, errEnded) {
			err = &Fault{Class: DaemonDied, Detail: a.String(), Log: s.daemon.Tail()}
		}
		if err != nil {
			return fmt.Errorf("line %d, %s: %w", i+1, a.Verb, err)
		}
	}
	return nil
}

func (s *Stage) act(ctx context.Context, a Action) error {
	if s.daemon == nil && a.Verb != Set && a.Verb != Do && a.Verb != Tx && a.Verb != Start {
		return errors.New("no daemon has been started yet")
	}
	switch a.Verb {
	case Do, Tx:
		return s.execute(ctx, a)
	case Start:
		return s.Start(ctx)
	case Kill:
		s.daemon.Kill()
	case Freeze:
		return s.daemon.signal(syscall.SIGSTOP)
	case Wake:
		return s.daemon.signal(syscall.SIGCONT)
	case Takeover:
		return s.takeOver()
	case Sync:
		return s.sync()
	case Settle:
		return s.Settle(ctx)
	}
	return nil
}

// execute runs statements in the source.
func (s *Stage) execute(ctx context.Context, a Action) error {
	sql := strings.Join(a.Statements, ";\n")
	if a.Verb == Tx {
		sql = "BEGIN;\n" + sql + ";\nCOMMIT"
	}
	if _, err := s.source.Exec(ctx, sql); err != nil {
		_, _ = s.source.Exec(ctx, "ROLLBACK") // a warning if there is no transaction
		return &Fault{Class: Refused, Detail: fmt.Sprintf("%s: %v", a, err)}
	}
	return nil
}

// Start starts the daemon. It waits for the first one until all rows are copied.
func (s *Stage) Start(ctx context.Context) error {
	first := s.daemon == nil
	if !first && !s.daemon.Ended() {
		return errors.New("a daemon runs already")
	}
	if err := s.launch(); err != nil || !first {
		return err
	}
	err := s.daemon.until(s.Patience, "the daemon streams", func() bool { _, ready, err := s.daemon.States(); return err == nil && ready })
	if err != nil {
		return err
	}
	return s.rememberCopied(ctx)
}

func (s *Stage) launch() error {
	s.started++
	log := filepath.Join(s.Dir, fmt.Sprintf("%s-%d.log", s.Pipeline, s.started))
	d, err := Launch(s.Binary, s.file(s.which), s.Listen[s.which], log)
	if err == nil {
		s.daemon = d
	}
	return err
}

// takeOver starts a second daemon, which waits for the slot, and kills the first one. Each keeps its file: the first one may not have
// read it yet.
func (s *Stage) takeOver() error {
	former := s.daemon
	s.which = 1 - s.which
	if err := s.launch(); err != nil {
		former.Kill()
		return err
	}
	err := s.daemon.until(s.Patience, "the second daemon is the standby", func() bool {
		role := s.daemon.Role(s.Pipeline)
		return role == "standby" || role == "active" // the first one may be between two streams
	})
	former.Kill()
	return err
}

// sync waits until everything is in the replica, or the daemon needs an operator.
func (s *Stage) sync() error {
	return s.daemon.until(s.Patience, "everything is in the replica, or a state is named", func() bool {
		if states, _, err := s.daemon.States(); err == nil && len(needing(states)) > 0 {
			return true
		}
		return s.wait("500ms")
	})
}

// wait reports whether everything reaches the replica within the time.
func (s *Stage) wait(within string) bool {
	return exec.Command(s.Binary, "wait", "-pipeline", s.Pipeline, "-timeout", within, "-url", "http://"+s.daemon.Listen).Run() == nil
}

// needing returns the states that need an operator.
func needing(states []State) (some []State) {
	for _, st := range states {
		if st.Kind == "halted" || st.Kind == "warning" {
			some = append(some, st)
		}
	}
	return some
}

// Again copies everything from scratch after a fault.
func (s *Stage) Again(ctx context.Context) error {
	s.daemon.Kill()
	if out, code := run(s.Binary, "drop", "-pipeline", s.Pipeline, "-yes", s.file(s.which)); code != 0 {
		return fmt.Errorf("tailrace drop: exit code %d: %s", code, out)
	}
	if _, err := s.target.Exec(ctx, "DROP SCHEMA IF EXISTS tailrace CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public"); err != nil {
		return err
	}
	s.daemon = nil
	return s.Start(ctx)
}
