package e2e

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/testenv"
)

// pair is a source and its replica in another server, or a topic of its rows, with the daemons between them.
type pair struct {
	t              *testing.T
	source, target *testenv.PostgresServer
	topic          *topic // nil: the sink is the replica
	binary         string
	listen         string    // of the daemon
	file           string    // of the pipeline "replica"
	through        string    // address of a proxy to the target; "": none
	urls           [2]string // of source and target as the daemon sees them; "": those of the servers
	more           string    // lines of the sink's block
	dir            string
	started        int
	daemon         *daemon
}

const replicaFile = `
daemon { listen = %q }

pipeline "replica" {
  source "postgres" {
    url    = %q
    %s
  }
  %s
}
`

const replicaSink = `sink "postgres" "copy" {
    url = %q
    %s
  }`

// newPair starts servers of two versions; write writes the pipeline's file.
func newPair(t *testing.T, binary string, from, to int) *pair {
	t.Helper()
	p := newSource(t, binary, from)
	p.target = testenv.Postgres(t, testenv.Version(to))
	return p
}

// newSource starts a server of a version; the caller chooses the sink.
func newSource(t *testing.T, binary string, version int) *pair {
	t.Helper()
	return &pair{
		t: t, binary: binary, listen: freeAddress(t), dir: t.TempDir(),
		source: testenv.Postgres(t, testenv.Version(version),
			testenv.Setting("wal_sender_timeout", fmt.Sprint(senderTimeout.Milliseconds()))),
	}
}

// write writes the pipeline's file; what selects the tables.
func (p *pair) write(what string) {
	p.t.Helper()
	p.file = filepath.Join(p.dir, "replica.hcl")
	text := fmt.Sprintf(replicaFile, p.listen, cmp.Or(p.urls[0], p.source.URL()), what, p.sink())
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// sink returns the sink's block.
func (p *pair) sink() string {
	if p.topic != nil {
		return p.topic.sink()
	}
	target := cmp.Or(p.urls[1], p.target.URL())
	if p.through != "" {
		target = strings.Replace(target, p.target.Addr(), p.through, 1)
	}
	return fmt.Sprintf(replicaSink, target, p.more)
}

// launch starts a daemon, which is stopped at the end of the test.
func (p *pair) launch() *daemon {
	p.t.Helper()
	p.started++
	log := filepath.Join(p.dir, fmt.Sprintf("daemon-%d.log", p.started))
	d, err := startDaemon(log, p.started, exec.Command(p.binary, "run", p.file))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(d.kill)
	p.daemon = d
	return d
}

// streams waits until the daemon streams: all rows are copied.
func (p *pair) streams() {
	p.t.Helper()
	p.until("the daemon streams", func() bool {
		answer, err := http.Get("http://" + p.listen + "/readyz?strict")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// until polls until ok is true.
func (p *pair) until(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if !p.daemon.running() || time.Now().After(deadline) {
			p.t.Fatalf("not in time: %s\n%s", what, p.daemon.logTail())
		}
	}
}

// tailrace runs a command of tailrace, and expects exit code 0.
func (p *pair) tailrace(args ...string) string {
	p.t.Helper()
	out, err := exec.Command(p.binary, args...).CombinedOutput()
	if err != nil {
		p.t.Errorf("tailrace %s: %v\n%s\n%s", strings.Join(args, " "), err, out, p.daemon.logTail())
	}
	return string(out)
}

// drain waits until the replica has everything.
func (p *pair) drain() {
	p.t.Helper()
	if out, err := p.wait("120s"); err != nil {
		p.t.Errorf("tailrace wait: %v\n%s\n%s", err, out, p.daemon.logTail())
	}
}

// wait runs the command wait.
func (p *pair) wait(timeout string) (out []byte, err error) {
	return exec.Command(p.binary, "wait", "-pipeline", "replica", "-timeout", timeout, "-url", "http://"+p.listen).CombinedOutput()
}

// same compares the tables of both sides by their rows' text, and reports whether there was a difference.
func (p *pair) same(tables ...string) bool {
	p.t.Helper()
	same := true
	for _, table := range tables {
		sql := "SELECT count(*) || ' rows ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY t::text)), '') FROM " + table + " t"
		want, have := p.read(p.source, sql), p.read(p.target, sql)
		if want != have {
			same = false
			p.t.Errorf("%s: the source has %s, the replica %s", table, want, have)
		}
	}
	return same
}

// read runs a query with one text as result, which may take a while.
func (p *pair) read(s *testenv.PostgresServer, sql string) (text string) {
	p.t.Helper()
	conn := dial(p.t, s)
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(p.t.Context(), sql).Scan(&text); err != nil {
		p.t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// dial connects in UTC, because the rows' text depends on the time zone.
func dial(t *testing.T, s *testenv.PostgresServer) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL()+"?timezone=UTC")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
