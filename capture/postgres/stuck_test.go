package postgres

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/internal/testenv"
)

// stuck is a stream on c whose batch no caller takes. It returns why the stream ends.
func stuck(t *testing.T, c net.Conn, patience time.Duration) (*stream, <-chan error) {
	s, _ := newStream(t)
	s.conn, s.socket = c, conn.NewSocket(c)
	s.pulse, s.patience, s.out = 20*time.Millisecond, patience, make(chan capture.Batch)
	s.socket.Unanswered(patience)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { ended <- s.hand(ctx, capture.Batch{}) }()
	return s, ended
}

// A server whose kernel still acknowledges but that does not answer is detected too, and one that answers on the control
// connection is not given up.
func TestServerHangsWhileNobodyReads(t *testing.T) {
	client, _ := connected(t)
	s, ended := stuck(t, client, 100*time.Millisecond)
	for range 50 { // beyond the bound of ten pulses and the patience
		s.answers.Add(1)
		select {
		case err := <-ended:
			t.Fatalf("the server answers, and the stream ends: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := <-ended; state(err) != "source_unreachable" {
		t.Errorf("%v", err)
	}
}

// connected is a TCP connection: the client's side and the server's.
func connected(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// While no caller is in Next, the network becomes a black hole: the stream ends anyway, and continues when the network
// recovers.
func testBlackHoleWhileNobodyReads(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	proxy := testenv.Proxy(t, s.Addr())
	s.Exec(t, "ALTER SYSTEM SET wal_sender_timeout = '1s'", "SELECT pg_reload_conf()")
	defer s.Exec(t, "ALTER SYSTEM RESET wal_sender_timeout", "SELECT pg_reload_conf()")
	s.ExecIn(t, db, `CREATE TABLE a (id int PRIMARY KEY, v text)`)
	p := newTap(t, through(testConfig(s, db), proxy))
	p.source.patience = 2 * time.Second
	p.open()
	p.wait("the lasting slot", func() bool { return p.streams == 2 })
	p.setStuck(true)
	s.ExecIn(t, db, insert(1, 30_000))
	time.Sleep(time.Second) // the way is full
	if p.streams != 2 || len(p.reports) > 0 {
		t.Fatalf("%d streams, reports %v", p.streams, p.reports)
	}
	proxy.Hold()
	p.wait("the silence to be noticed", func() bool { return p.reported("source_unreachable") })
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	p.setStuck(false)
	p.wait("all rows", func() bool { return len(p.changes) == 30_000 })
	for _, err := range p.reports {
		if errors.Is(err, capture.ErrSlotInUse) {
			t.Errorf("%v", err)
		}
	}
}
