package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestSnapshots(t *testing.T) {
	sideBySide(t,
		testSnapshotInterrupted,
		testSnapshotAndChangesMeanwhile,
		testSnapshotBesideWriter,
		testSnapshotFilter,
		testSnapshotNever,
		testSnapshotOfNothing,
		testSnapshotStandby,
		testSnapshotWaits,
		testSnapshotFailover,
		testSnapshotFailoverCrash,
		testSnapshotValueTooLarge,
		testCopyBesideAWriter,
		testCopyWaits,
		testCopyShapes,
	)
}

// big makes a table a with so many rows that the copy lasts: each batch is cut by size.
func big(t *testing.T, s *testenv.PostgresServer, rows int) (db string) {
	t.Helper()
	db = testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`,
		fmt.Sprintf(`INSERT INTO a SELECT g, repeat('x', 1000) FROM generate_series(1, %d) g`, rows))
	return db
}

func slots(t *testing.T, s *testenv.PostgresServer, db string) string {
	t.Helper()
	return s.Query(t, db, "SELECT coalesce(string_agg(slot_name || CASE WHEN temporary THEN ' temporary' ELSE '' END, ', ' "+
		"ORDER BY slot_name), '') FROM pg_replication_slots WHERE database = '"+db+"'")
}

// ids counts how often each row of a came, by operation.
func ids(changes []string) map[string]int {
	n := map[string]int{}
	for _, c := range changes {
		op, rest, _ := strings.Cut(c, " a id=")
		id, _, _ := strings.Cut(rest, " ")
		n[op+" "+id]++
	}
	return n
}

// A first copy reports that it is complete, even a copy of tables without rows; a stream without a copy never does.
func testSnapshotOfNothing(t *testing.T, s *testenv.PostgresServer) {
	for mode, want := range map[string]int{SnapshotInitial: 1, SnapshotNever: 0} {
		db := testenv.NewDatabase(t, s)
		s.ExecIn(t, db, "CREATE TABLE a (id int PRIMARY KEY)")
		config := testConfig(s, db)
		config.Snapshot = mode
		p := newTap(t, config)
		p.open()
		p.wait("the lasting slot", func() bool { return slots(t, s, db) == "tailrace_"+db })
		s.ExecIn(t, db, "INSERT INTO a VALUES (1)")
		p.wait("a row", func() bool { return len(p.changes) == 1 })
		p.close()
		copied, named := 0, 0
		for _, b := range p.cuts {
			if b.EndsSnapshot {
				copied++
			}
			named += len(b.Tables)
		}
		if copied != want || named != want {
			t.Errorf("snapshot %s: %d batches end a first copy and %d tables are named, want %d", mode, copied, named, want)
		}
	}
}

// A failure in the middle of a snapshot leaves nothing on the server, and the next snapshot is complete.
func testSnapshotInterrupted(t *testing.T, s *testenv.PostgresServer) {
	const rows = 20_000 // more than what fits into the sockets on the way
	for name, sql := range map[string]string{
		"copy": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = ",
		"stream": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender' " +
			"AND datname = ",
	} {
		db := big(t, s, rows)
		p := newTap(t, testConfig(s, db))
		p.hold(2) // batches
		p.open()
		p.wait("some rows", func() bool { return len(p.cuts) == 2 })
		if got := slots(t, s, db); got != "tailrace_"+db+"_snapshot temporary" {
			t.Errorf("%s: slots in the middle: %s", name, got)
		}
		s.ExecIn(t, db, sql+"'"+db+"'")
		p.mu.Lock()
		p.changes = nil
		p.mu.Unlock()
		p.hold(0)
		p.wait("the lasting slot", func() bool { return p.streams >= 3 && len(p.changes) >= rows })
		p.reached()
		if !p.reported("source_unreachable") {
			t.Errorf("%s: reports %v", name, p.reports)
		}
		for _, err := range p.reports {
			if capture.AsProblem(err) == nil {
				t.Errorf("%s: a report without a name: %v", name, err)
			}
		}
		p.wait(name+": the temporary slot to go", func() bool { return slots(t, s, db) == "tailrace_"+db })
		// Rows that were taken before the break come again, because the snapshot starts from scratch.
		got := ids(p.seen())
		for id := 1; id <= rows; id++ {
			if n := got[fmt.Sprintf("read %d", id)]; n < 1 || n > 2 {
				t.Fatalf("%s: row %d was read %d times", name, id, n)
			}
		}
		p.close()
	}

	db := big(t, s, rows) // the daemon ends in the middle
	p := newTap(t, testConfig(s, db))
	p.hold(2)
	p.open()
	p.wait("some rows", func() bool { return len(p.cuts) == 2 })
	p.close()
	p.wait("the slot to go at the end", func() bool { return slots(t, s, db) == "" })
	again := openTap(t, testConfig(s, db), capture.Record{Sink: "tap", Position: p.held, State: p.state})
	again.wait("all rows", func() bool { return again.streams == 2 && len(again.changes) == rows })
}

// What is changed while the snapshot is made comes after it, exactly once.
func testSnapshotAndChangesMeanwhile(t *testing.T, s *testenv.PostgresServer) {
	const rows = 20_000
	db := big(t, s, rows)
	p := newTap(t, testConfig(s, db))
	p.hold(2)
	p.open()
	p.wait("some rows", func() bool { return len(p.cuts) == 2 })
	var want []string
	for id := 1; id <= rows; id += 3333 { // before and after what has been copied
		s.ExecIn(t, db, fmt.Sprintf("UPDATE a SET v = 'new' WHERE id = %d", id), fmt.Sprintf("DELETE FROM a WHERE id = %d", id+1),
			fmt.Sprintf("INSERT INTO a VALUES (%d, 'more')", rows+id))
		want = append(want, fmt.Sprintf("update a id=%d v=new", id), fmt.Sprintf("delete a id=%d v=", id+1),
			fmt.Sprintf("insert a id=%d v=more", rows+id))
	}
	p.hold(0)
	p.wait("everything", func() bool { return p.streams == 2 && len(p.changes) >= rows+len(want) })
	p.reached()
	got := p.seen()
	for i, c := range got[:rows] {
		if c != fmt.Sprintf("read a id=%d v=%s", i+1, strings.Repeat("x", 1000)) {
			t.Fatalf("row %d of the snapshot is %.60s", i, c)
		}
	}
	if !slices.Equal(got[rows:], want) {
		t.Errorf("after the snapshot: %q", got[rows:])
	}
}

// Whenever a row is written, it comes exactly once, in the snapshot or after it.
func testSnapshotBesideWriter(t *testing.T, s *testenv.PostgresServer) {
	db := big(t, s, 0)
	stop, written := make(chan struct{}), make(chan int)
	write := openSession(t, s, db)
	go func() {
		for id := 1; ; id++ {
			select {
			case <-stop:
				written <- id - 1
				return
			default:
				write(fmt.Sprintf("INSERT INTO a VALUES (%d, 'x')", id))
			}
		}
	}()
	p := openTap(t, testConfig(s, db))
	p.wait("rows of both", func() bool { return p.streams == 2 && strings.HasPrefix(p.changes[len(p.changes)-1], "insert ") })
	close(stop)
	n := <-written
	p.wait("all rows", func() bool { return len(p.changes) >= n })
	p.reached()
	got := p.seen()
	if !strings.HasPrefix(got[0], "read ") || len(got) != n {
		t.Errorf("%d changes of %d rows, the first is %s", len(got), n, got[0])
	}
	for i, c := range got {
		if !strings.HasSuffix(c, fmt.Sprintf(" a id=%d v=x", i+1)) {
			t.Fatalf("change %d is %s", i, c)
		}
	}
}

func testSnapshotFilter(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, secret text, v text)`, `CREATE TABLE empty_ (id int PRIMARY KEY)`,
		`INSERT INTO a SELECT g, 'secret', g FROM generate_series(1, 6) g`)
	c := testConfig(s, db)
	c.Options = []TableOption{{Name: "public.a", Columns: []string{"id", "v"}, Where: "id % 2 = 0"}}
	p := openTap(t, c)
	want := []string{"read a id=2 v=2", "read a id=4 v=4", "read a id=6 v=6"}
	p.expect(want...)
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, `INSERT INTO a SELECT g, 'secret', g FROM generate_series(7, 10) g`, `UPDATE a SET id = 12 WHERE id = 1`,
		`UPDATE a SET id = 13 WHERE id = 2`)
	p.expect(append(want, "insert a id=8 v=8", "insert a id=10 v=10", "insert a id=12 v=1", "delete a id=2 v=")...)
}

func testSnapshotNever(t *testing.T, s *testenv.PostgresServer) {
	db := big(t, s, 10)
	c := testConfig(s, db)
	c.Snapshot = SnapshotNever
	p := startTap(t, s, c, db)
	s.ExecIn(t, db, insert(11, 12))
	p.expect(inserts(11, 12)...)
}

// Of two daemons that start at the same time one makes the snapshot; if it dies in the middle the other makes its own.
func testSnapshotStandby(t *testing.T, s *testenv.PostgresServer) {
	const rows = 3000
	db := big(t, s, rows)
	taps := []*tap{newTap(t, testConfig(s, db)), newTap(t, testConfig(s, db))}
	for _, p := range taps {
		p.hold(2)
		p.open()
	}
	var first, second *tap
	taps[0].wait("one of them to copy and the other to stand by", func() bool {
		for i, p := range taps {
			if i == 1 {
				p.mu.Lock()
			}
			copying := len(p.cuts) == 2
			if i == 1 {
				p.mu.Unlock()
			}
			if copying {
				first, second = p, taps[1-i]
			}
		}
		return first != nil
	})
	second.wait("to stand by", func() bool {
		return slices.ContainsFunc(second.reports, func(err error) bool { return errors.Is(err, capture.ErrSlotInUse) })
	})
	looks := len(second.reports)
	second.wait("more looks", func() bool { return len(second.reports) >= looks+2 })
	if len(second.cuts) > 0 {
		t.Error("both copy")
	}
	if n := refusedStarts(t, s, db); n > 1 { // both may have begun at the same moment
		t.Errorf("%d errors in the server's log", n)
	}
	first.close()
	second.hold(0)
	second.wait("to take over", func() bool { return second.streams == 2 && len(second.changes) == rows })
}

// The slot waits for running transactions, and reports that.
func testSnapshotWaits(t *testing.T, s *testenv.PostgresServer) {
	db := big(t, s, 3)
	conn, err := pgx.Connect(t.Context(), s.URL(db))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "BEGIN; INSERT INTO a VALUES (4, 'late')"); err != nil {
		t.Fatal(err)
	}
	p := openTap(t, testConfig(s, db))
	p.wait("the state", func() bool { return p.reported("waiting_for_transactions") })
	s.ExecIn(t, db, "INSERT INTO a VALUES (5, 'meanwhile')")
	if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	p.reached()
	got := ids(p.seen())
	for id := 1; id <= 5; id++ {
		if n := got[fmt.Sprintf("read %d", id)] + got[fmt.Sprintf("insert %d", id)]; n != 1 {
			t.Errorf("row %d came %d times", id, n)
		}
	}
	if len(p.reports) > 20 {
		t.Errorf("%d reports", len(p.reports))
	}
}

func testSnapshotFailover(t *testing.T, s *testenv.PostgresServer) {
	if s.Version < 17 {
		return // there are no failover slots
	}
	db := big(t, s, 3)
	c := testConfig(s, db)
	c.Failover = true
	p := startTap(t, s, c, db)
	if got := s.Query(t, db, "SELECT failover FROM pg_replication_slots WHERE slot_name = 'tailrace_"+db+"'"); got != "true" {
		t.Errorf("failover is %s", got)
	}
	s.ExecIn(t, db, insert(4, 4))
	p.wait("the row", func() bool { return len(p.changes) == 4 })
	if len(p.reports) > 0 {
		t.Errorf("reports %v", p.reports)
	}
}

// A first start that dies between the copy of its slot and the failover property leaves a slot that the next start repairs,
// without another snapshot.
func testSnapshotFailoverCrash(t *testing.T, s *testenv.PostgresServer) {
	if s.Version < 17 {
		return
	}
	db := big(t, s, 3)
	proxy := testenv.Proxy(t, s.Addr())
	proxy.Watch(func(int) (client, server func([]byte)) {
		return func(b []byte) {
			if bytes.Contains(b, []byte("ALTER_REPLICATION_SLOT")) {
				proxy.Down() // before it passes
			}
		}, nil
	})
	c := through(testConfig(s, db), proxy)
	c.Failover = true
	p := openTap(t, c)
	p.wait("the break", func() bool { return len(p.reports) > 0 })
	p.close()
	property := "SELECT failover FROM pg_replication_slots WHERE slot_name = 'tailrace_" + db + "'"
	if got := s.Query(t, db, property); got != "false" {
		t.Fatalf("failover is %s before the next start", got)
	}
	c.URL = s.URL(db)
	again := newTap(t, c)
	again.held, again.state = p.held, p.state
	again.open()
	again.wait("the stream", func() bool { return again.streams == 1 })
	if got := s.Query(t, db, property); got != "true" {
		t.Errorf("failover is %s", got)
	}
	s.ExecIn(t, db, insert(4, 4))
	again.expect("insert a id=4 v=4")
	if len(again.reports) > 0 {
		t.Errorf("reports %v", again.reports)
	}
}

// A value whose text is larger than a message can be.
func testSnapshotValueTooLarge(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v bytea)`, `ALTER TABLE a ALTER v SET STORAGE EXTENDED`,
		`INSERT INTO a VALUES (1, decode(repeat('00', 300000000), 'hex'))`, `UPDATE a SET v = v || v`)
	p := openTap(t, testConfig(s, db))
	p.wait("the state", func() bool { return p.reported("value_too_large") })
	t.Log(p.reports[0])
	p.close()
	p.wait("the slot to go", func() bool { return slots(t, s, db) == "" })
}
