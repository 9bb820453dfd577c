package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/testenv"
)

// copier returns the stream of a tap, for copies next to it.
func (p *tap) copier() *stream {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	return p.source.stream
}

// copiedRows reads a copy to its end and checks its positions.
func copiedRows(t *testing.T, c capture.Copy) (rows []string) {
	t.Helper()
	defer c.Close()
	var at capture.Position
	for {
		b, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Changes {
			if b.Changes[i].At().LSN != c.Point()-1 {
				t.Fatalf("a row at %s, the point is %s", b.Changes[i].At(), c.Point())
			}
			rows = append(rows, describeChange(&b.Changes[i]))
		}
		if !at.Before(b.End) || b.EndsSnapshot != b.Commit {
			t.Fatalf("%+v after %s", b.End, at)
		}
		at = b.End
		if want := map[bool]string{false: string(statePending), true: string(stateDone)}[b.Commit]; string(b.State) != want {
			t.Fatalf("the state at %s is %s", b.End, b.State)
		}
		if b.Commit {
			if at != (capture.Position{LSN: c.Point()}) || b.Last.LSN != c.Point() {
				t.Fatalf("it ends at %s with %+v, the point is %s", at, b.Last, c.Point())
			}
			return rows
		}
	}
}

// Whenever a row is written, it is either in a copy next to the stream, or in the stream after the copy's point: never in
// both and never in neither.
func testCopyBesideAWriter(t *testing.T, s *testenv.PostgresServer) {
	db := big(t, s, 0)
	p := newTap(t, testConfig(s, db))
	p.show = func(c *capture.Change) string { return fmt.Sprintf("%s %s", c.Row()[0], c.Tx.LSN) }
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams >= 2 })
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for n := range 2 { // whose commits are not in the order of their ids
		write := openSession(t, s, db)
		writers.Go(func() {
			for id := n; ; id += 2 {
				select {
				case <-stop:
					return
				default:
					write(fmt.Sprintf("BEGIN; INSERT INTO a VALUES (%d, 'x'); COMMIT", id))
				}
			}
		})
	}
	p.wait("rows", func() bool { return len(p.changes) > 100 })
	in := map[capture.LSN]map[string]bool{}
	for range 5 {
		c, err := p.copier().Copy(t.Context(), 0, func(*capture.Problem) {})
		if err != nil {
			t.Fatal(err)
		}
		p.wait("the copy's slot to go while the copy is open", func() bool { return slots(t, s, db) == "tailrace_"+db })
		rows := map[string]bool{}
		for _, r := range copiedRows(t, c) {
			id, _, _ := strings.Cut(strings.TrimPrefix(r, "read a id="), " ")
			rows[id] = true
		}
		in[c.Point()] = rows
		if h := p.source.Health(); h.Copied != int64(len(rows)) || h.Copying {
			t.Errorf("%d rows were copied, of which the health says %+v", len(rows), h)
		}
	}
	close(stop)
	writers.Wait()
	p.reached()
	changes := p.seen()
	for point, rows := range in {
		for _, change := range changes {
			id, at, _ := strings.Cut(change, " ")
			lsn, err := capture.ParseLSN(at)
			if err != nil {
				t.Fatal(err)
			}
			if rows[id] != (lsn < point) {
				t.Fatalf("row %s was committed at %s, the copy of %s has it: %v", id, lsn, point, rows[id])
			}
		}
		if len(rows) < 100 || len(rows) > len(changes) {
			t.Errorf("%d rows of %d", len(rows), len(changes))
		}
	}
}

// The slot of a copy waits for transactions that run, and says so. A copy that is given up then leaves nothing on the server,
// also where the driver's request to cancel does not come through, and what another one has left is ended.
func testCopyWaits(t *testing.T, s *testenv.PostgresServer) {
	db := big(t, s, 3)
	proxy := testenv.Proxy(t, s.Addr())
	p := startTap(t, s, through(testConfig(s, db), proxy), db)
	write := openSession(t, s, db)
	write("BEGIN; INSERT INTO a VALUES (4, 'late')")
	ctx, giveUp := context.WithTimeout(t.Context(), time.Minute)
	defer giveUp()
	var told *capture.Problem
	_, err := p.copier().Copy(ctx, 3, func(why *capture.Problem) {
		told = why
		proxy.SetTarget("127.0.0.1:1")
		giveUp()
	})
	if err == nil || told == nil || told.State != "waiting_for_transactions" {
		t.Fatalf("it waits for %v, %v", told, err)
	}
	p.wait("the slot to go", func() bool { return slots(t, s, db) == "tailrace_"+db })
	proxy.SetTarget(s.Addr())
	left := openSession(t, s, db)
	write("COMMIT")
	left("SELECT pg_create_logical_replication_slot('" + slot.CopyName("tailrace_"+db, 3) + "', 'pgoutput', true)")
	source := p.copier()
	own := p.source.pid
	p.source.pid++ // another daemon's: then the copy is that daemon's, too
	err = p.source.endCopy(t.Context(), slot.CopyName("tailrace_"+db, 3))
	p.source.pid = own
	if got := slots(t, s, db); err != nil || got != "tailrace_"+db+", "+slot.CopyName("tailrace_"+db, 3)+" temporary" {
		t.Errorf("the copy of another daemon was ended: slots %s, %v", got, err)
	}
	c, err := source.Copy(t.Context(), 3, func(*capture.Problem) {})
	if err != nil {
		t.Fatal(err)
	}
	if rows := copiedRows(t, c); len(rows) != 4 || rows[3] != "read a id=4 v=late" {
		t.Errorf("%.200q", rows)
	}
	if h := p.source.Health(); h.Copied != 4 || h.Copying {
		t.Errorf("%+v", h)
	}
}

// A copy has the columns that the tables have by now, and is of the stream's publication. One that is closed early ends.
func testCopyShapes(t *testing.T, s *testenv.PostgresServer) {
	db := big(t, s, 3000)
	p := startTap(t, s, testConfig(s, db), db)
	st := p.copier()
	if ts := st.Tables(); len(ts) != 1 || ts[0].String() != "public.a" || ts[0].OID == 0 {
		t.Errorf("tables %v", ts)
	}
	early, err := st.Copy(t.Context(), 0, func(*capture.Problem) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := early.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	early.Close()
	if _, err := early.Next(t.Context()); err == nil {
		t.Error("a copy that is closed goes on")
	}
	if h := p.source.Health(); h.Copied == 0 || h.Copied >= 3000 {
		t.Errorf("a copy that is closed has read %d of 3000 rows", h.Copied)
	}
	p.wait("the copy to end", func() bool {
		return s.Query(t, db, "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = '"+db+"'") == "0"
	})
	s.ExecIn(t, db, "DELETE FROM a WHERE id > 2", "ALTER TABLE a ADD w text DEFAULT 'w'", "UPDATE a SET v = id, w = NULL WHERE id = 1",
		"UPDATE a SET v = id WHERE id = 2")
	c, err := st.Copy(t.Context(), 0, func(*capture.Problem) {})
	if err != nil {
		t.Fatal(err)
	}
	if rows := copiedRows(t, c); !slices.Equal(rows, []string{"read a id=1 v=1 w=", "read a id=2 v=2 w=w"}) {
		t.Errorf("%q", rows)
	}
	s.ExecIn(t, db, "ALTER PUBLICATION tailrace DROP TABLE a")
	if _, err = st.Copy(t.Context(), 0, func(*capture.Problem) {}); capture.AsProblem(err) == nil ||
		capture.AsProblem(err).State != "publication_changing" {
		t.Errorf("a copy of another publication: %v", err)
	}
	p.wait("another stream", func() bool { return p.streams == 3 || p.reported("publication_altered") })
	p.close()

	db = big(t, s, 1)
	s.ExecIn(t, db, "CREATE PUBLICATION tailrace FOR TABLE a", "ALTER TABLE a REPLICA IDENTITY FULL")
	c2 := testConfig(s, db)
	c2.Manage = false
	c2.Options = []TableOption{{Name: "public.a", Key: []string{"v"}}}
	p = startTap(t, s, c2, db)
	s.ExecIn(t, db, "ALTER TABLE a ADD w text DEFAULT 'w'", "UPDATE a SET v = 'v'") // which alone begins no other stream
	if _, err = p.copier().Copy(t.Context(), 0, func(*capture.Problem) {}); err == nil {
		t.Error("a copy of an edition that is not the stream's")
	}
	p.wait("another stream", func() bool { return p.streams == 3 })
	if c, err = p.copier().Copy(t.Context(), 0, func(*capture.Problem) {}); err != nil {
		t.Fatal(err)
	}
	if rows := copiedRows(t, c); !slices.Equal(rows, []string{"read a id=1 v=v w=w"}) {
		t.Errorf("%q", rows)
	}
	if c, err = p.copier().Copy(t.Context(), 0, func(*capture.Problem) {}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := c.Next(t.Context()); err != nil || len(b.Changes) != 1 || !slices.Equal(b.Changes[0].Table.Key, []int{1}) {
		t.Errorf("the key of the file's table option is not that of the copy: %+v, %v", b.Changes, err)
	}
}

// Without a snapshot a slot that is lost right after the first start is known by the sinks that had come so far, unless another
// one had not.
func TestBeyondTheFirstStart(t *testing.T) {
	at := func(sink string, p capture.Position, state []byte) capture.Record {
		return capture.Record{Sink: sink, Position: p, State: state}
	}
	whole, inside := capture.Position{LSN: 0x1000}, capture.Position{LSN: 0xFFF, Seq: 3}
	for _, c := range []struct {
		mode    string
		records []capture.Record
		want    string // the sink by which there was a slot
	}{
		{SnapshotInitial, nil, ""},
		{SnapshotInitial, []capture.Record{{Sink: "a"}, {Sink: "b"}}, ""},
		{SnapshotInitial, []capture.Record{at("a", whole, statePending), at("b", whole, statePending)}, ""},
		{SnapshotInitial, []capture.Record{at("a", inside, statePending), at("b", whole, stateDone)}, "b"},
		{SnapshotInitial, []capture.Record{at("a", whole, nil)}, "a"},
		{SnapshotNever, nil, ""},
		{SnapshotNever, []capture.Record{{Sink: "a"}, at("b", whole, statePending)}, ""},
		{SnapshotNever, []capture.Record{at("a", inside, statePending), at("b", whole, statePending)}, ""},
		{SnapshotNever, []capture.Record{at("a", whole, statePending), at("b", whole, statePending)}, "a"},
		{SnapshotNever, []capture.Record{at("a", whole, statePending), at("b", whole, stateDone)}, "b"},
	} {
		got := ""
		if r := (&Config{Snapshot: c.mode}).beyond(c.records); r != nil {
			got = r.Sink
		}
		if got != c.want {
			t.Errorf("%s, %v: %q, want %q", c.mode, c.records, got, c.want)
		}
	}
}
