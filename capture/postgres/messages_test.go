package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestMessages(t *testing.T) {
	sideBySide(t,
		testMessages,
		testMessagesAloneMoveOn,
		testMessagesWithoutTables,
		testLargeMessage,
		testAnnotations,
		testAnnotationsOff,
		testAnnotationsOfALargeTransaction,
		testMessagesOfReplicatedTransactions,
	)
}

// describeAnnotated prints a change with its number and its annotations.
func describeAnnotated(c *capture.Change) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", c.Seq, describeChange(c), c.Tx.Annotations))
}

func annotatedTap(t *testing.T, s *testenv.PostgresServer, c Config, db string) *tap {
	t.Helper()
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`)
	p := newTap(t, c)
	p.show = describeAnnotated
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	return p
}

func emit(prefix, content string) string {
	return fmt.Sprintf("SELECT pg_logical_emit_message(true, '%s', '%s')", prefix, content)
}

func annotatingConfig(s *testenv.PostgresServer, db string) Config {
	c := testConfig(s, db)
	c.Annotations = DefaultAnnotations
	return c
}

// A message is a change of its transaction, and counts in it. One that is not transactional is none: it survives a rollback.
func testMessages(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := annotatedTap(t, s, annotatingConfig(s, db), db)
	s.ExecIn(t, db,
		"BEGIN; "+emit("shop.x", "one")+"; INSERT INTO a VALUES (1, 'x'); SELECT pg_logical_emit_message(false, 'ping', 'now'); "+
			emit("shop.é", "zwei ü")+"; COMMIT",
		"BEGIN; "+emit("shop.x", "undone")+"; SELECT pg_logical_emit_message(false, 'ping', 'survives'); ROLLBACK",
		"BEGIN; SAVEPOINT one; "+emit("shop.x", "undone")+"; ROLLBACK TO one; "+emit("shop.x", "kept")+"; SAVEPOINT two; "+emit("shop.x", "released")+
			"; RELEASE two; INSERT INTO a VALUES (2, 'x'); COMMIT",
		emit("shop.x", "alone"), insert(3, 3))
	p.expect("0 message shop.x content=one", "1 insert a id=1 v=x", "2 message shop.é content=zwei ü",
		"0 message shop.x content=kept", "1 message shop.x content=released", "2 insert a id=2 v=x",
		"0 message shop.x content=alone", "0 insert a id=3 v=3")
	p.reached()
}

// A database that has nothing but messages confirms its WAL.
func testMessagesAloneMoveOn(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := annotatedTap(t, s, annotatingConfig(s, db), db)
	for i := range 5 {
		s.ExecIn(t, db, "SELECT pg_logical_emit_message(false, 'ping', 'x')", emit("shop.x", fmt.Sprint(i)))
		p.reached()
		p.wait("the slot to follow", func() bool { return p.source.Health().Confirmed >= p.held.LSN })
	}
	for range 3 {
		s.ExecIn(t, db, "SELECT pg_logical_emit_message(false, 'ping', 'x')")
		p.reached()
	}
	if got := p.seen(); len(got) != 5 || len(p.reports) > 0 {
		t.Errorf("changes %q, reports %v", got, p.reports)
	}
}

// The stream carries messages with a publication that has no table: one that was created so, and one that loses its tables.
func testMessagesWithoutTables(t *testing.T, s *testenv.PostgresServer) {
	for _, had := range [][]string{nil, {"public.a"}} {
		db := testenv.NewDatabase(t, s)
		s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`)
		c := annotatingConfig(s, db)
		c.Tables = had
		first := openTap(t, c)
		first.wait("the lasting slot", func() bool { return first.streams == 2 })
		first.reached()
		first.close()
		if c.Tables = nil; had != nil {
			s.ExecIn(t, db, insert(1, 1)) // before the publication loses the table
		}
		if errs := c.check(t.Context()); len(errs) > 0 {
			t.Errorf("with %q before: the check finds %v", had, errs)
		}
		p := newTap(t, c)
		p.show = describeAnnotated
		p.open()
		s.ExecIn(t, db, "BEGIN; "+emit(DefaultAnnotations, `{"user": "eve"}`)+"; INSERT INTO a VALUES (2, 'x'); "+emit("shop.x", "one")+"; COMMIT")
		p.wait("the message", func() bool {
			return strings.Contains(strings.Join(p.changes, "|"), `shop.x content=one {"user":"eve"}`)
		})
		p.reached()
		if got := strings.Join(p.seen(), "|"); strings.Contains(got, "id=2") || len(p.reports) > 0 {
			t.Errorf("with %q before: %s, reports %v", had, got, p.reports)
		}
		if n := s.Query(t, db, "SELECT count(*) FROM pg_publication_tables WHERE pubname = 'tailrace'"); n != "0" {
			t.Errorf("with %q before: the publication has %s tables", had, n)
		}
	}
}

func testLargeMessage(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := newTap(t, annotatingConfig(s, db))
	p.show = func(c *capture.Change) string { return fmt.Sprintf("%s %d", c.Op, len(c.After[0].Bytes)) }
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`)
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	s.ExecIn(t, db, "SELECT pg_logical_emit_message(true, 'shop.x', repeat('x', 20000000))",
		"SELECT pg_logical_emit_message(true, 'shop.x', decode('00ff00', 'hex'))", "SELECT pg_logical_emit_message(true, 'shop.x', '')",
		"SELECT pg_logical_emit_message(false, 'shop.x', repeat('x', 20000000))", insert(1, 1))
	p.expect("message 20000000", "message 3", "message 0", "insert 1")
	p.reached()
}

func testAnnotations(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := annotatedTap(t, s, annotatingConfig(s, db), db)
	const tx = DefaultAnnotations
	s.ExecIn(t, db,
		"BEGIN; INSERT INTO a VALUES (1, 'x'); "+emit(tx, `{"user": "eve"}`)+"; INSERT INTO a VALUES (2, 'x'); SAVEPOINT one; "+
			emit(tx, `{"user": "mallory", "undone": true}`)+"; INSERT INTO a VALUES (3, 'x'); ROLLBACK TO one; INSERT INTO a VALUES (4, 'x'); SAVEPOINT two; "+
			emit(tx, `{"step": 2}`)+"; RELEASE two; UPDATE a SET v = 'y' WHERE id = 4; "+emit(tx, `no object`)+"; DELETE FROM a WHERE id = 1; COMMIT",
		insert(5, 5),
		"BEGIN; "+emit(tx, `{"user": "bob"}`)+"; INSERT INTO a VALUES (6, 'x'); ROLLBACK",
		"BEGIN; INSERT INTO a VALUES (7, 'x'); "+emit(tx, `{"too": "late"}`)+"; COMMIT",
		insert(8, 8))
	p.expect("0 insert a id=1 v=x", `1 message tailrace.tx content={"user": "eve"} {"user":"eve"}`, `2 insert a id=2 v=x {"user":"eve"}`,
		`3 insert a id=4 v=x {"user":"eve"}`, `4 message tailrace.tx content={"step": 2} {"user":"eve","step":2}`,
		`5 update a id=4 v=y {"user":"eve","step":2}`, `6 message tailrace.tx content=no object {"user":"eve","step":2}`,
		`7 delete a id=1 v= {"user":"eve","step":2}`, "0 insert a id=5 v=5",
		"0 insert a id=7 v=x", `1 message tailrace.tx content={"too": "late"} {"too":"late"}`, "0 insert a id=8 v=8")
	p.reached()
	if h := p.source.Health(); h.AnnotationsIgnored != 1 || len(p.reports) > 0 {
		t.Errorf("%d annotations are ignored, reports %v", h.AnnotationsIgnored, p.reports)
	}
}

// With another prefix, or with none, the message of the default prefix is one like any other, and the numbers are the same.
func testAnnotationsOff(t *testing.T, s *testenv.PostgresServer) {
	for _, prefix := range []string{"", "app.who"} {
		db := testenv.NewDatabase(t, s)
		c := testConfig(s, db)
		c.Annotations = prefix
		p := annotatedTap(t, s, c, db)
		s.ExecIn(t, db, "BEGIN; "+emit(DefaultAnnotations, `{"user": "eve"}`)+"; "+emit("app.who", `{"user": "bob"}`)+
			"; INSERT INTO a VALUES (1, 'x'); COMMIT")
		who := ""
		if prefix != "" {
			who = ` {"user":"bob"}`
		}
		p.expect(`0 message tailrace.tx content={"user": "eve"}`, `1 message app.who content={"user": "bob"}`+who, "2 insert a id=1 v=x"+who)
		p.close()
	}
}

// The daemon ends again and again in the middle of a transaction of 100,000 rows. Each time the transaction comes from its beginning, and
// each row has the annotations that precede it.
func testAnnotationsOfALargeTransaction(t *testing.T, s *testenv.PostgresServer) {
	const rows = 100_000
	db := testenv.NewDatabase(t, s)
	p := startTap(t, s, annotatingConfig(s, db), db)
	p.close()
	s.ExecIn(t, db, "BEGIN; "+emit(DefaultAnnotations, `{"user": "eve"}`)+
		fmt.Sprintf("; INSERT INTO a SELECT g, 'x' FROM generate_series(1, %d) g; ", rows/2)+emit(DefaultAnnotations, `{"half": 2}`)+
		fmt.Sprintf("; INSERT INTO a SELECT g, 'x' FROM generate_series(%d, %d) g; COMMIT", rows/2+1, rows), insert(rows+1, rows+3))
	seen, inside := 0, 0
	for _, batches := range []int{3, 15, 30, 45, 0} { // the transaction has about 60
		next := newTap(t, annotatingConfig(s, db))
		next.records = []capture.Record{{Sink: "tap", Position: p.held, State: p.state}}
		next.held, next.state, next.most = p.held, p.state, batches
		var wrong []string
		next.show = func(c *capture.Change) string {
			seen++
			if why := wronglyAnnotated(c, rows); why != "" {
				wrong = append(wrong, why)
			}
			return ""
		}
		next.open()
		next.wait("the batches", func() bool { return batches > 0 && len(next.cuts) >= batches || seen == rows+2+3 })
		next.close()
		if len(wrong) > 0 {
			t.Fatalf("%d changes, such as %q", len(wrong), wrong[:min(3, len(wrong))])
		}
		if p = next; p.held.Seq > 0 {
			inside++
		}
	}
	if inside < 3 {
		t.Errorf("the daemon ended %d times inside the transaction", inside)
	}
}

// wronglyAnnotated tells how a change of the large transaction, or of the one that follows it, is not as it should be.
func wronglyAnnotated(c *capture.Change, rows int) string {
	if c.Op == capture.Message {
		return ""
	}
	var id int
	if _, err := fmt.Sscan(c.After[0].String(), &id); err != nil {
		return err.Error()
	}
	seq, want := id, `{"user":"eve"}`
	switch {
	case id > rows:
		seq, want = id-rows-1, ""
	case id > rows/2:
		seq, want = id+1, `{"user":"eve","half":2}`
	}
	if c.Seq != uint64(seq) || string(c.Tx.Annotations) != want {
		return fmt.Sprintf("row %d has seq %d and %s", id, c.Seq, c.Tx.Annotations)
	}
	return ""
}

func testMessagesOfReplicatedTransactions(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	c := annotatingConfig(s, db)
	c.SkipReplicated = true
	p := annotatedTap(t, s, c, db)
	s.ExecIn(t, db, "SELECT pg_replication_origin_create('"+db+"')", "SELECT pg_replication_origin_session_setup('"+db+"')",
		"BEGIN; "+emit(DefaultAnnotations, `{"user": "eve"}`)+"; "+emit("shop.x", "theirs")+"; INSERT INTO a VALUES (1, 'x'); COMMIT",
		"SELECT pg_replication_origin_session_reset()", "SELECT pg_replication_origin_drop('"+db+"')", emit("shop.x", "ours"), insert(2, 2))
	p.expect("0 message shop.x content=ours", "0 insert a id=2 v=2")
	p.reached()
}
