package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

// tap reads a source as a pipeline with one sink would: it confirms what it has taken, unless told not to.
type tap struct {
	t      *testing.T
	source *Source
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	changes []string
	cuts    []capture.Batch              // every batch, without its changes
	edition string                       // the edition that the tap has recorded
	records []capture.Record             // the records for Resume until the tap has confirmed something itself
	show    func(*capture.Change) string // nil: describeChange
	held    capture.Position
	state   []byte
	stuck   bool // take nothing
	hoard   bool // take, and never confirm
	most    int  // batches to take; 0: all
	reports []error
	streams int
}

func openTap(t *testing.T, c Config, records ...capture.Record) *tap {
	t.Helper()
	p := newTap(t, c)
	p.records = records
	p.open()
	return p
}

// newTap returns a tap that is not open yet.
func newTap(t *testing.T, c Config) *tap {
	return &tap{t: t, source: New(c, zaptest.NewLogger(t)), done: make(chan struct{})}
}

func (p *tap) open() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.done)
		_ = p.source.Run(ctx, p.report, p.serve)
	}()
	p.t.Cleanup(p.close)
}

func (p *tap) close() {
	p.cancel()
	<-p.done
}

func (p *tap) report(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports = append(p.reports, err)
}

func (p *tap) serve(ctx context.Context, s capture.Stream) error {
	if _, err := s.Slot(ctx); err != nil {
		return err
	}
	if err := judged(ctx, s, p.edition); err != nil {
		return err
	}
	fromSnapshot, err := s.Resume(ctx, p.recorded())
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.streams++
	if fromSnapshot {
		p.held = s.Start()
	}
	p.mu.Unlock()
	for {
		for p.isStuck() {
			select {
			case <-s.Done():
				return s.Err()
			case <-ctx.Done():
				return nil
			case <-time.After(time.Millisecond):
			}
		}
		b, err := s.Next(ctx)
		if err != nil {
			return err
		}
		if keeper, keeps := s.(capture.StateKeeper); keeps {
			b.State = keeper.CurrentState(b.State)
		}
		if p.take(b) {
			s.Confirm(b.End)
		}
	}
}

func (p *tap) isStuck() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stuck || p.most > 0 && len(p.cuts) >= p.most
}

// hold limits the number of batches to take; 0: all.
func (p *tap) hold(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = most
}

func (p *tap) setStuck(v bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck = v
}

func (p *tap) setHoard(v bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hoard = v
}

func (p *tap) recorded() []capture.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held.IsZero() {
		return p.records
	}
	return []capture.Record{{Sink: "tap", Position: p.held, State: p.state}}
}

// take takes a batch, and reports whether to confirm it.
func (p *tap) take(b capture.Batch) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	cut := b
	cut.Changes = nil
	p.cuts = append(p.cuts, cut)
	rest, some := b.After(p.held)
	if !some {
		return !p.hoard
	}
	show := p.show
	if show == nil {
		show = describeChange
	}
	for i := range rest.Changes {
		p.changes = append(p.changes, show(&rest.Changes[i]))
	}
	p.held, p.state = b.End, b.State
	return !p.hoard
}

// seen is what has come so far.
func (p *tap) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.changes)
}

// reported reports whether a problem of a state was reported.
func (p *tap) reported(state string) bool {
	for _, err := range p.reports {
		if known := capture.AsProblem(err); known != nil && known.State == state {
			return true
		}
	}
	return false
}

func describeChange(c *capture.Change) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", c.Op, c.Table.Name)
	for i, v := range c.Row() {
		fmt.Fprintf(&b, " %s=%s", c.Table.Columns[i].Name, v)
	}
	return b.String()
}

// wait waits until cond is true; what is the failure message if it never is.
func (p *tap) wait(what string, cond func() bool) {
	p.t.Helper()
	for range 3000 {
		p.mu.Lock()
		ok := cond()
		p.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.changes[max(0, len(p.changes)-10):]
	p.t.Fatalf("waited in vain: %s\n%d changes, %.2000q\nreports: %.3000v\n%d streams, held %s", what, len(p.changes), last, p.reports,
		p.streams, p.held)
}

func (p *tap) expect(want ...string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("changes %q", want), func() bool { return len(p.changes) >= len(want) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.changes, "\n"); got != strings.Join(want, "\n") {
		p.t.Fatalf("changes:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

// reached waits until everything up to the end of the server's WAL is confirmed.
func (p *tap) reached() {
	p.t.Helper()
	end, err := p.source.WALEnd(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	p.wait(fmt.Sprintf("position %s", end), func() bool { return p.held.LSN >= end })
}

func testConfig(s *testenv.PostgresServer, db string) Config {
	return Config{
		URL: s.URL(db), Tables: []string{"public.*"}, Slot: "tailrace_" + db, Publication: "tailrace",
		Manage: true, Heartbeat: time.Second, Snapshot: SnapshotInitial, ShutdownGrace: DefaultShutdownGrace,
	}
}

func TestSnapshotThenStream(t *testing.T) {
	onVersions(t, func(t *testing.T, s *testenv.PostgresServer) {
		db := testenv.NewDatabase(t, s)
		s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`, `CREATE TABLE b (id int PRIMARY KEY, v text)`,
			`INSERT INTO a VALUES (1, E'one\ttab\\'), (2, NULL), (3, '')`, `INSERT INTO b VALUES (7, 'seven')`)
		p := openTap(t, testConfig(s, db))
		want := []string{"read a id=1 v=one\ttab\\", "read a id=2 v=", "read a id=3 v=", "read b id=7 v=seven"}
		p.expect(want...)
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		s.ExecIn(t, db, `INSERT INTO a VALUES (4, 'four')`, `UPDATE a SET v = 'uno' WHERE id = 1`, `DELETE FROM b`, `TRUNCATE a`)
		want = append(want, "insert a id=4 v=four", "update a id=1 v=uno", "delete b id=7 v=", "truncate a")
		p.expect(want...)
		p.reached()
		p.close()
		if string(p.state) != string(stateDone) {
			t.Errorf("state %s", p.state)
		}

		s.ExecIn(t, db, `INSERT INTO b VALUES (8, 'eight')`)
		again := openTap(t, testConfig(s, db), capture.Record{Sink: "tap", Position: p.held, State: p.state})
		again.held = p.held
		again.expect("insert b id=8 v=eight")
	})
}

// A table without any column has rows all the same, and may get columns.
func TestNoColumns(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a ()`, `INSERT INTO a DEFAULT VALUES`, `INSERT INTO a DEFAULT VALUES`)
		c := testConfig(s.server, s.db)
		s.fix(s.refused(&c, "replica_identity_missing"))
		p := openTap(s.T, c)
		p.expect("read a", "read a")
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		s.exec(`INSERT INTO a DEFAULT VALUES`, `DELETE FROM a WHERE ctid = '(0,1)'`, `ALTER TABLE a ADD v int`,
			`UPDATE a SET v = 1 WHERE ctid = '(0,2)'`, `ALTER TABLE a DROP v`, `INSERT INTO a DEFAULT VALUES`, `TRUNCATE a`)
		p.expect("read a", "read a", "insert a", "delete a", "update a v=1", "insert a", "truncate a")
	})
}

func TestIdleSlotMovesOn(t *testing.T) {
	onVersions(t, func(t *testing.T, s *testenv.PostgresServer) {
		db, busy := testenv.NewDatabase(t, s), testenv.NewDatabase(t, s)
		s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY)`)
		p := openTap(t, testConfig(s, db))
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		s.ExecIn(t, busy, `CREATE TABLE x AS SELECT generate_series(1, 100000)`)
		p.reached()
		p.wait("the slot to follow", func() bool { return p.source.Health().Confirmed >= p.held.LSN && p.held.LSN > 0 })
	})
}

func TestStandbyTakesOver(t *testing.T) {
	onVersions(t, func(t *testing.T, s *testenv.PostgresServer) {
		db := testenv.NewDatabase(t, s)
		s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY)`)
		first := openTap(t, testConfig(s, db))
		first.wait("the lasting slot", func() bool { return first.streams == 2 })
		second := openTap(t, testConfig(s, db))
		second.wait("to stand by", func() bool {
			return len(second.reports) > 0 && errors.Is(second.reports[0], capture.ErrSlotInUse)
		})
		s.ExecIn(t, db, `INSERT INTO a VALUES (1)`)
		first.expect("insert a id=1")
		first.reached()
		first.close()
		second.wait("to take over", func() bool { return second.streams == 1 })
		s.ExecIn(t, db, `INSERT INTO a VALUES (2)`)
		second.wait("the change after the takeover", func() bool {
			return len(second.changes) > 0 && second.changes[len(second.changes)-1] == "insert a id=2"
		})
	})
}

func TestServerStopsWhileNobodyReads(t *testing.T) {
	onVersions(t, func(t *testing.T, s *testenv.PostgresServer) {
		db := testenv.NewDatabase(t, s)
		s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`)
		p := openTap(t, testConfig(s, db))
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		p.setStuck(true)
		s.ExecIn(t, db, `INSERT INTO a SELECT g, repeat('x', 1000) FROM generate_series(1, 30000) g`)
		began := time.Now()
		if err := s.Stop(testenv.Fast); err != nil {
			t.Fatal(err)
		}
		// The bound is 5 s and one interval of watch; a blocked server would wait forever.
		t.Logf("the server stopped after %s", time.Since(began))
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		p.setStuck(false)
		p.wait("all rows", func() bool { return len(p.changes) == 30000 })
	})
}
