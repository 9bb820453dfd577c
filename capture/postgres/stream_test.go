package postgres

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestStream(t *testing.T) {
	t.Parallel()
	everywhere(t, func(s site) {
		for name, test := range map[string]func(*testing.T, *testenv.PostgresServer){
			"transactions": testTransactions, "ddl": testDDL, "large transaction": testLargeTransaction, "large value": testLargeValue,
			"slot dropped": testSlotDropped, "publication dropped": testPublicationDropped,
		} {
			s.Run(name, func(t *testing.T) { test(t, s.server) })
		}
	})
}

// openSession is a connection with statements of its own.
func openSession(t *testing.T, s *testenv.PostgresServer, db string) func(sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL(db))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func testTransactions(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE b (id int PRIMARY KEY, a int)`, `CREATE TABLE r (id int PRIMARY KEY, b int REFERENCES b)`)
	p := startTap(t, s, testConfig(s, db), db)
	var want []string
	check := func(more ...string) {
		t.Helper()
		want = append(want, more...)
		p.expect(want...)
		p.reached()
	}

	long := openSession(t, s, db)
	long("BEGIN; INSERT INTO a VALUES (1, 'long')")
	s.ExecIn(t, db, insert(2, 3)) // commits first, so it comes first
	check(inserts(2, 3)...)
	long("SAVEPOINT one; INSERT INTO a VALUES (4, 'undone'); SAVEPOINT two; UPDATE a SET v = 'undone'; ROLLBACK TO one")
	long("SAVEPOINT three; INSERT INTO a VALUES (5, 'kept'); RELEASE three; SAVEPOINT four; INSERT INTO a VALUES (6, 'undone')")
	s.ExecIn(t, db, "BEGIN; INSERT INTO a VALUES (7, 'undone'); ROLLBACK", insert(8, 8))
	check(inserts(8, 8)...)
	p.reached() // the position passes a transaction that is open
	long("ROLLBACK TO four; COMMIT")
	check("insert a id=1 v=long", "insert a id=5 v=kept")

	s.ExecIn(t, db, "INSERT INTO b VALUES (1, 1)", "INSERT INTO r VALUES (1, 1)")
	check("insert b id=1 a=1", "insert r id=1 b=1")
	s.ExecIn(t, db, "BEGIN; INSERT INTO a VALUES (10, 'x'); TRUNCATE b, r, a; INSERT INTO a VALUES (11, 'y'); COMMIT", "TRUNCATE b CASCADE")
	p.wait("the truncates", func() bool { return len(p.changes) >= len(want)+7 })
	got := strings.Join(p.seen()[len(want):], ", ")
	if strings.Count(got, "truncate b") != 2 || strings.Count(got, "truncate r") != 2 || strings.Count(got, "truncate a") != 1 ||
		!strings.HasPrefix(got, "insert a id=10") || !strings.Contains(got, "insert a id=11 v=y, truncate ") {
		t.Errorf("truncates: %s", got)
	}
}

func testDDL(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := startTap(t, s, testConfig(s, db), db)
	s.ExecIn(t, db, "INSERT INTO a VALUES (1, 'x')",
		"ALTER TABLE a ADD n int DEFAULT 5", "INSERT INTO a VALUES (2, 'x')",
		"BEGIN; INSERT INTO a VALUES (3, 'x'); ALTER TABLE a RENAME v TO w; INSERT INTO a VALUES (4, 'x'); COMMIT",
		"ALTER TABLE a ALTER n TYPE text USING n || '!'", "INSERT INTO a VALUES (5, 'x', 'y')",
		"ALTER TABLE a DROP w", "INSERT INTO a VALUES (6, 'z')", "ALTER TABLE a RENAME TO c", "INSERT INTO c VALUES (7, 'z')",
		"ALTER TABLE c SET SCHEMA pg_catalog; ALTER TABLE pg_catalog.c SET SCHEMA public", "INSERT INTO c VALUES (8, 'z')",
		"BEGIN; CREATE TABLE d (id int PRIMARY KEY); ALTER PUBLICATION tailrace ADD TABLE d; INSERT INTO d VALUES (1); DROP TABLE d; COMMIT",
		"INSERT INTO c VALUES (9, 'z')", "DROP TABLE c")
	p.expect("insert a id=1 v=x", "insert a id=2 v=x n=5", "insert a id=3 v=x n=5", "insert a id=4 w=x n=5", "insert a id=5 w=x n=y",
		"insert a id=6 n=z", "insert c id=7 n=z", "insert c id=8 n=z", "insert d id=1", "insert c id=9 n=z")
	p.reached()
	if len(p.reports) > 0 { // a look that sees the new name begins the stream again, without a report
		t.Errorf("%d streams, reports %v", p.streams, p.reports)
	}
}

// A transaction is delivered in parts; only one part and the sockets' content wait for the reader. TestMemory of
// internal/ledger/e2e measures the memory: other tests run concurrently with this one.
func testLargeTransaction(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`)
	p := newTap(t, testConfig(s, db))
	n := 0
	p.show = func(c *capture.Change) string {
		if n++; c.After[0].String() != fmt.Sprint(n) || c.Seq != uint64(n-1) {
			t.Errorf("change %d is row %s, seq %d", n, c.After[0], c.Seq)
		}
		return ""
	}
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	first := len(p.cuts)
	s.ExecIn(t, db, `INSERT INTO a SELECT g, repeat('x', 100) FROM generate_series(1, 300000) g`)
	p.wait("all rows", func() bool { return len(p.changes) == 300_000 })
	p.reached()
	parts := 0
	for _, b := range p.cuts[first:] {
		if b.Bytes > decode.BatchSize+1000 {
			t.Errorf("a batch of %d bytes", b.Bytes)
		}
		if !b.Commit {
			parts++
			if b.Bytes < decode.BatchSize || b.End.Seq == 0 {
				t.Errorf("a part of %d bytes ends at %s", b.Bytes, b.End)
			}
		}
	}
	if parts < 100 {
		t.Errorf("%d parts", parts)
	}
}

// A value that is larger than every limit passes as one batch; one whose text exceeds a message is a named problem.
func testLargeValue(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v bytea)`)
	p := newTap(t, testConfig(s, db))
	p.show = func(c *capture.Change) string { return fmt.Sprintf("%s %d", c.After[0], len(c.After[1].Bytes)) }
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, `INSERT INTO a VALUES (1, decode(repeat('ab', 25000000), 'hex'))`, `INSERT INTO a VALUES (2, 'x')`)
	p.expect("1 50000002", "2 4")
	p.reached()
	if p.streams != 2 {
		t.Errorf("%d streams, reports %v", p.streams, p.reports)
	}
	s.ExecIn(t, db, `INSERT INTO a VALUES (3, decode(repeat('00', 300000000), 'hex') || decode(repeat('00', 300000000), 'hex'))`)
	p.wait("the state", func() bool { return p.reported("value_too_large") })
	t.Log(p.reports[0])
}

func dropSlot(t *testing.T, s *testenv.PostgresServer, db string) {
	t.Helper()
	// The source may be back before the slot is dropped.
	s.ExecIn(t, db, strings.ReplaceAll(`DO $$ BEGIN LOOP BEGIN
		PERFORM pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE active AND slot_name = 'tailrace_$db';
		PERFORM pg_drop_replication_slot('tailrace_$db'); EXIT;
	EXCEPTION WHEN object_in_use THEN END; END LOOP; END $$`, "$db", db))
}

func testSlotDropped(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := startTap(t, s, testConfig(s, db), db)
	s.ExecIn(t, db, insert(1, 2))
	p.expect(inserts(1, 2)...)
	p.reached()
	dropSlot(t, s, db)
	p.wait("the state", func() bool { return p.reported("slot_missing") })
	s.ExecIn(t, db, insert(3, 3))
	if got := slots(t, s, db); got != "" {
		t.Errorf("slots %s", got)
	}
	p.close()

	stopped := openTap(t, testConfig(s, db), capture.Record{Sink: "tap", Position: p.held, State: p.state})
	stopped.wait("the state", func() bool { return stopped.reported("slot_missing") })
	halted := capture.AsProblem(stopped.reports[len(stopped.reports)-1])
	if halted == nil || !halted.Halted || halted.Fix == "" || len(stopped.seen()) > 0 {
		t.Errorf("%+v, %d changes", halted, len(stopped.changes))
	}
	stopped.close()

	again := openTap(t, testConfig(s, db)) // without a record it is a first start
	again.expect("read a id=1 v=1", "read a id=2 v=2", "read a id=3 v=3")
}

// When a publication is dropped in mid stream, rows are lost: the pipeline halts, even if the database hides the warning
// about it.
func testPublicationDropped(t *testing.T, s *testenv.PostgresServer) {
	for _, hide := range []bool{false, true} {
		db := testenv.NewDatabase(t, s)
		if hide {
			s.ExecIn(t, db, "ALTER DATABASE "+db+" SET client_min_messages = 'error'")
		}
		p := startTap(t, s, testConfig(s, db), db)
		s.ExecIn(t, db, insert(1, 1))
		p.expect(inserts(1, 1)...)
		s.ExecIn(t, db, "DROP PUBLICATION tailrace", insert(2, 2))
		p.wait("the state", func() bool { return p.reported("publication_missing") })
		p.expect(inserts(1, 1)...)
		dropped, err := capture.ParseLSN(s.Query(t, db, "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'tailrace_"+db+"'"))
		if err != nil || p.held.LSN < dropped {
			t.Errorf("confirmed %s, held %s, %v", dropped, p.held, err)
		}
		p.close()
	}
}

// TLS has one record per row and a Unix socket has little room: the rows are the same.
func TestEveryWayIn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		s := testenv.Postgres(t, testenv.Version(version), testenv.TLS(), testenv.Setting("max_prepared_transactions", "5"),
			testenv.Setting("max_slot_wal_keep_size", "32MB"))
		for name, change := range map[string]func(c *Config){
			"plain": func(*Config) {},
			"tls":   func(c *Config) { c.URL += "?sslmode=verify-full&sslrootcert=" + url.QueryEscape(s.CAFile) },
			"unix": func(c *Config) {
				c.URL = fmt.Sprintf("postgres://postgres@/%s?host=%s&port=%d", strings.TrimPrefix(c.Slot, "tailrace_"), url.QueryEscape(s.DataDir), s.Port)
			},
		} {
			t.Run(fmt.Sprintf("%s/%d", name, version), func(t *testing.T) { testWayIn(t, s, change) })
		}
		t.Run(fmt.Sprintf("prepared/%d", version), func(t *testing.T) { testPrepared(t, s) })
		t.Run(fmt.Sprintf("slot lost/%d", version), func(t *testing.T) { testSlotLost(t, s) })
	}
}

func testWayIn(t *testing.T, s *testenv.PostgresServer, change func(c *Config)) {
	const rows = 100_000
	db := testenv.NewDatabase(t, s)
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`, fmt.Sprintf(`INSERT INTO a SELECT g, g FROM generate_series(1, %d) g`, rows))
	c := testConfig(s, db)
	change(&c)
	p := newTap(t, c)
	sum := 0
	p.show = func(c *capture.Change) string {
		if c.After != nil && c.After[0].String() == c.After[1].String() {
			sum += len(c.After[0].Bytes)
		}
		return ""
	}
	p.open()
	p.wait("the snapshot", func() bool { return p.streams == 2 && len(p.changes) == rows })
	read := sum
	s.ExecIn(t, db, fmt.Sprintf(`INSERT INTO a SELECT g, g FROM generate_series(%d, %d) g`, 2*rows+1, 3*rows),
		"INSERT INTO a VALUES (-1, repeat('x', 20000000))", "INSERT INTO a VALUES (0, '0')")
	p.wait("the stream", func() bool { return len(p.changes) == 2*rows+2 })
	p.reached()
	if len(p.reports) > 0 || p.streams != 2 {
		t.Errorf("%d streams, reports %v", p.streams, p.reports)
	}
	if want := digits(1, rows); read != want {
		t.Errorf("the snapshot's rows have %d digits, want %d", read, want)
	}
	if want := digits(2*rows+1, 3*rows) + 1; sum-read != want {
		t.Errorf("the stream's rows have %d digits, want %d", sum-read, want)
	}
}

func digits(from, to int) (n int) {
	for i := from; i <= to; i++ {
		n += len(fmt.Sprint(i))
	}
	return n
}

// A prepared transaction comes when it is committed, not when it is prepared.
func testPrepared(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := startTap(t, s, testConfig(s, db), db)
	s.ExecIn(t, db, "BEGIN; INSERT INTO a VALUES (1, 'p'); PREPARE TRANSACTION 'one'", "BEGIN; INSERT INTO a VALUES (2, 'p'); PREPARE TRANSACTION 'two'",
		insert(3, 3))
	p.expect(inserts(3, 3)...)
	p.reached()
	s.ExecIn(t, db, "ROLLBACK PREPARED 'two'", "COMMIT PREPARED 'one'", insert(4, 4))
	p.expect("insert a id=3 v=3", "insert a id=1 v=p", "insert a id=4 v=4")
}

// A slot that fell behind the server's limit is lost, and that is reported.
func testSlotLost(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := startTap(t, s, testConfig(s, db), db)
	p.close()
	s.ExecIn(t, db, "INSERT INTO a VALUES (1, 'x')")
	for range 6 {
		s.ExecIn(t, db, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 16000000))", "SELECT pg_switch_wal()", "CHECKPOINT")
	}
	again := openTap(t, testConfig(s, db), capture.Record{Sink: "tap", Position: p.held, State: p.state})
	again.wait("the state", func() bool { return again.reported("slot_lost") })
	if len(again.seen()) > 0 {
		t.Errorf("changes %q", again.changes)
	}
}
