package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
)

// startTap opens a tap on a table a (id, v) and waits until its first start has finished.
func startTap(t *testing.T, s *testenv.PostgresServer, c Config, db string) *tap {
	t.Helper()
	s.ExecIn(t, db, `CREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY, v text)`)
	p := openTap(t, c)
	p.wait("the lasting slot", func() bool { return p.streams >= 2 })
	return p
}

// through returns the config for a connection through a proxy.
func through(c Config, p *proxy.Server) Config {
	u, err := url.Parse(c.URL)
	if err != nil {
		panic(err)
	}
	u.Host = p.Addr()
	c.URL = u.String()
	return c
}

// current returns the stream that is being served, or a dead one.
func (s *Source) current() *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream == nil {
		return &stream{cancel: func(error) {}, socket: conn.NewSocket(&wire{})}
	}
	return s.stream
}

func inserts(from, to int) (want []string) {
	for i := from; i <= to; i++ {
		want = append(want, fmt.Sprintf("insert a id=%d v=%d", i, i))
	}
	return want
}

func insert(from, to int) string {
	return fmt.Sprintf("INSERT INTO a SELECT g, g FROM generate_series(%d, %d) g", from, to)
}

func TestFaults(t *testing.T) {
	sideBySide(t,
		testStandbyLeavesNothingOpen,
		testWalsenderTerminated,
		testCutAnywhere,
		testSlices,
		testOldWalsenderIsEnded,
		testStuckBeyondTheTimeout,
		testPausedAndNotStopping,
		testControlConnectionHeld,
		testHalfOpen,
		testBlackHoleWhileNobodyReads,
		testServerGoesDown,
		testServerStopsUnconfirmed,
		testHeartbeat,
	)
}

// sideBySide is onVersions for tests that mostly wait.
func sideBySide(t *testing.T, tests ...func(*testing.T, *testenv.PostgresServer)) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			s := testenv.Postgres(t, testenv.Version(version))
			for _, test := range tests {
				name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
				t.Run(name[strings.LastIndexByte(name, '.')+1:], func(t *testing.T) { test(t, s) })
			}
		})
	}
}

// A standby checks each second whether the slot is free, on one connection and without an error in the server's log; and if
// another daemon is faster, it leaves no connection open.
func testStandbyLeavesNothingOpen(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	startTap(t, s, testConfig(s, db), db)
	looks := func(second *tap) {
		from := len(second.reports)
		second.wait("looks at the slot", func() bool { return len(second.reports) >= from+3 })
		for _, err := range second.reports {
			if !errors.Is(err, capture.ErrSlotInUse) {
				t.Errorf("a standby reports %v", err)
			}
		}
	}
	const backends = "SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity WHERE backend_type = '%s' AND application_name LIKE 'tailrace/%%'"
	senders := s.Query(t, db, fmt.Sprintf(backends, "walsender"))
	second := openTap(t, testConfig(s, db))
	looks(second)
	before := s.Query(t, db, fmt.Sprintf(backends, "client backend"))
	looks(second)
	if after := s.Query(t, db, fmt.Sprintf(backends, "client backend")); after != before || strings.Count(after, ",") != 1 {
		t.Errorf("connections %s, and then %s: one of each is enough", before, after)
	}
	if n := refusedStarts(t, s, db); n != 0 {
		t.Errorf("%d errors in the server's log", n)
	}
	second.close()
	late := New(testConfig(s, db), zap.NewNop())
	defer late.control.close()
	if _, err := late.open(t.Context(), &publication.Published{}, &slot.State{}); !errors.Is(err, capture.ErrSlotInUse) {
		t.Errorf("a start that comes too late: %v", err)
	}
	if n := refusedStarts(t, s, db); n != 1 {
		t.Errorf("%d errors in the server's log, one start was refused", n)
	}
	second.wait("the end of its connection", func() bool { return s.Query(t, db, fmt.Sprintf(backends, "walsender")) == senders })
}

// refusedStarts counts the errors in the server's log about a slot of this database that is in use.
func refusedStarts(t *testing.T, s *testenv.PostgresServer, db string) (n int) {
	t.Helper()
	log, err := os.ReadFile(s.Log())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "ERROR") && strings.Contains(line, "tailrace_"+db) {
			n++
		}
	}
	return n
}

func testWalsenderTerminated(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := startTap(t, s, testConfig(s, db), db)
	for i := range 3 {
		s.ExecIn(t, db, insert(i*10+1, i*10+5),
			"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active", insert(i*10+6, i*10+10))
		p.wait("rows again", func() bool { return len(p.changes) >= i*10+10 })
	}
	p.expect(inserts(1, 30)...)
	if !p.reported("source_unreachable") {
		t.Errorf("reports %v", p.reports)
	}
	// Those broke at once. A session that made progress is not a failed attempt.
	for i := 31; i <= 32; i++ {
		time.Sleep(flap)
		s.ExecIn(t, db, insert(i, i))
		p.expect(inserts(1, i)...)
		p.reached()
		before := p.streams
		s.ExecIn(t, db, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
		p.wait("another stream", func() bool { return p.streams > before })
	}
	p.close()
	var once capture.Backoff
	once.Next(nil)
	if p.source.attempts.backoff != once {
		t.Errorf("waits %+v, as if nothing had been delivered", p.source.attempts.backoff)
	}
}

// Whatever byte the connection breaks at, the changes are the same.
func testCutAnywhere(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	proxy := testenv.Proxy(t, s.Addr())
	p := startTap(t, s, through(testConfig(s, db), proxy), db)
	offsets := map[int][]int{testenv.Oldest: {0, 5, 150, 1000}, testenv.Newest: {1, 33, 151, 500}}[s.Version]
	for i, after := range offsets { // four: each break in a row makes the next pause longer
		proxy.CutReplyAfter(after)
		s.ExecIn(t, db, insert(i*100+1, i*100+100))
		time.Sleep(20 * time.Millisecond)
		if err := proxy.Heal(); err != nil {
			t.Fatal(err)
		}
		p.wait("rows again", func() bool { return len(p.changes) >= i*100+100 })
	}
	p.expect(inserts(1, 400)...)
}

func testSlices(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	proxy := testenv.Proxy(t, s.Addr())
	p := startTap(t, s, through(testConfig(s, db), proxy), db)
	proxy.SliceTo(1)
	s.ExecIn(t, db, insert(1, 20))
	p.expect(inserts(1, 20)...)
	proxy.SliceTo(0)
	proxy.Latency(50 * time.Millisecond)
	s.ExecIn(t, db, insert(21, 30))
	p.expect(inserts(1, 30)...)
	proxy.Latency(0)
	proxy.SlowTo(64_000)
	s.ExecIn(t, db, "INSERT INTO a VALUES (31, repeat('x', 100000))")
	p.wait("the slow row", func() bool { return len(p.changes) == 31 })
	p.reached()
}

// After a break the server may still hold the slot for our previous connection. We terminate that, and report no standby.
func testOldWalsenderIsEnded(t *testing.T, s *testenv.PostgresServer) {
	for _, first := range []bool{false, true} {
		db := testenv.NewDatabase(t, s)
		v := newValve(t, s)
		c := through(testConfig(s, db), v.Server)
		var p *tap
		if first { // the temporary slot
			s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`, insert(1, 3))
			p = newTap(t, c)
			p.hoard = true
			p.open()
			p.wait("the snapshot", func() bool { return len(p.changes) == 3 })
		} else {
			p = startTap(t, s, c, db)
		}
		old := s.Query(t, db, "SELECT active_pid FROM pg_replication_slots WHERE active AND database = '"+db+"'")
		v.shut("")
		p.wait("something on its way on both connections", func() bool { return v.held.Load() >= 2 })
		before := p.streams
		p.source.current().end(errors.New("the network broke"))
		p.setHoard(false)
		p.wait("another stream", func() bool { return p.streams > before })
		p.mu.Lock()
		for _, err := range p.reports {
			if errors.Is(err, capture.ErrSlotInUse) {
				t.Errorf("first start %v: %v", first, err)
			}
		}
		p.mu.Unlock()
		if n := s.Query(t, db, "SELECT count(*) FROM pg_stat_activity WHERE pid = "+old); n != "0" {
			t.Errorf("first start %v: the old walsender lives", first)
		}
		p.close()
	}
}

// A caller that does not call Next for longer than wal_sender_timeout keeps its stream.
func testStuckBeyondTheTimeout(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.Exec(t, "ALTER SYSTEM SET wal_sender_timeout = '1s'", "SELECT pg_reload_conf()")
	defer s.Exec(t, "ALTER SYSTEM RESET wal_sender_timeout", "SELECT pg_reload_conf()")
	p := startTap(t, s, testConfig(s, db), db)
	p.setStuck(true)
	s.ExecIn(t, db, insert(1, 30_000))
	time.Sleep(3 * time.Second)
	p.setStuck(false)
	p.wait("all rows", func() bool { return len(p.changes) == 30_000 })
	if p.streams != 2 || len(p.reports) > 0 {
		t.Errorf("%d streams, reports %v", p.streams, p.reports)
	}
}

// A server that has not received a status for a while asks for an answer. It is not shutting down.
func testPausedAndNotStopping(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.Exec(t, "ALTER SYSTEM SET wal_sender_timeout = '3s'", "SELECT pg_reload_conf()")
	defer s.Exec(t, "ALTER SYSTEM RESET wal_sender_timeout", "SELECT pg_reload_conf()")
	proxy := testenv.Proxy(t, s.Addr())
	c := through(testConfig(s, db), proxy)
	c.ShutdownGrace = time.Second
	p := startTap(t, s, c, db)
	p.setHoard(true)
	s.ExecIn(t, db, insert(1, 10))
	p.expect(inserts(1, 10)...)
	proxy.Hold()
	time.Sleep(2 * time.Second)
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams != 2 || len(p.reports) > 0 {
		t.Errorf("%d streams, reports %v", p.streams, p.reports)
	}
}

// A control connection without a working network neither stops the stream nor is used forever.
func testControlConnectionHeld(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	s.Exec(t, "ALTER SYSTEM SET wal_sender_timeout = '1s'", "SELECT pg_reload_conf()")
	defer s.Exec(t, "ALTER SYSTEM RESET wal_sender_timeout", "SELECT pg_reload_conf()")
	v := newValve(t, s)
	p := startTap(t, s, through(testConfig(s, db), v.Server), db)
	v.shut("control")
	s.ExecIn(t, db, `CREATE TABLE b (id int PRIMARY KEY)`, `ALTER PUBLICATION tailrace ADD TABLE b`, `INSERT INTO b VALUES (1)`)
	time.Sleep(3 * time.Second) // the description of b waits for the catalogue, beyond wal_sender_timeout
	v.open()
	p.expect("insert b id=1")
	if p.streams != 2 || len(p.reports) > 0 {
		t.Errorf("%d streams, reports %v", p.streams, p.reports)
	}
}

// A peer that disappears silently is detected, and the state is named.
func testHalfOpen(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	proxy := testenv.Proxy(t, s.Addr())
	s.Exec(t, "ALTER SYSTEM SET wal_sender_timeout = '1s'", "SELECT pg_reload_conf()")
	defer s.Exec(t, "ALTER SYSTEM RESET wal_sender_timeout", "SELECT pg_reload_conf()")
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`)
	p := newTap(t, through(testConfig(s, db), proxy))
	p.source.patience = 500 * time.Millisecond
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	time.Sleep(time.Second) // idle for longer than the patience
	if p.streams != 2 {
		t.Fatalf("%d streams", p.streams)
	}
	proxy.HoldReplies()
	s.ExecIn(t, db, insert(1, 5))
	p.wait("the silence to be noticed", func() bool { return p.reported("source_unreachable") })
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	p.expect(inserts(1, 5)...)
}

func testServerGoesDown(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := startTap(t, s, testConfig(s, db), db)
	for i, down := range []func() error{
		func() error { return s.Stop(testenv.Fast) }, s.Crash, func() error { return s.Stop(testenv.Immediate) },
	} {
		s.ExecIn(t, db, insert(i*10+1, i*10+10))
		if i == 0 {
			p.expect(inserts(1, 10)...)
		}
		began := time.Now()
		if err := down(); err != nil {
			t.Fatal(err)
		}
		t.Logf("down %d took %s", i, time.Since(began))
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		p.wait("rows again", func() bool { return len(p.changes) >= i*10+10 })
	}
	p.expect(inserts(1, 30)...)
	for _, err := range p.reports {
		if capture.AsProblem(err) == nil || strings.Contains(err.Error(), "%!") {
			t.Errorf("a report without a name: %v", err)
		}
	}
}

// A server that is shutting down asks for what the sinks cannot confirm: the stream lets it stop.
func testServerStopsUnconfirmed(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	c := testConfig(s, db)
	c.ShutdownGrace = 2 * time.Second
	p := startTap(t, s, c, db)
	p.setHoard(true)
	s.ExecIn(t, db, insert(1, 10))
	p.expect(inserts(1, 10)...)
	if err := s.Stop(testenv.Fast); err != nil { // within a minute and a half, or it is an error
		t.Fatal(err)
	}
	p.wait("the state", func() bool { return p.reported("source_stopping") })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	p.setHoard(false)
	s.ExecIn(t, db, insert(11, 12))
	p.expect(inserts(1, 12)...)
}

// In a server with a busy database, the heartbeat advances an idle database's slot without further requests.
func testHeartbeat(t *testing.T, s *testenv.PostgresServer) {
	db, busy := testenv.NewDatabase(t, s), testenv.NewDatabase(t, s)
	c := testConfig(s, db)
	c.Heartbeat = 2 * time.Second
	p := startTap(t, s, c, db)
	s.ExecIn(t, busy, `CREATE TABLE x AS SELECT generate_series(1, 100000)`)
	end := s.Query(t, busy, "SELECT pg_current_wal_flush_lsn()")
	p.wait("the slot to follow", func() bool {
		return s.Query(t, db, "SELECT confirmed_flush_lsn >= '"+end+"' FROM pg_replication_slots WHERE slot_name = 'tailrace_"+db+"'") == "true"
	})
}
