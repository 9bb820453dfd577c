package postgres

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is the connection's socket, below TLS where there is TLS. The walsender makes one send a row and spends most of
// its time on waking its reader; so while much flows, this reader asks the kernel to be woken only when much has come
// (SO_RCVLOWAT). That makes the server cheaper for each row and the whole line faster. When the flow cools, the mark goes
// back to one byte, and nothing waits. Step 1 of the way of one row.
//
// Read and Until are for one goroutine; Wake is for any other.
type socket struct {
	net.Conn
	raw   syscall.RawConn     // nil: no mark can be set
	rest  func(time.Duration) // of a Unix socket: lets bytes gather, where a mark cannot; else nil
	flow  flow
	live  bool      // the stream has begun; before, every deadline is the driver's
	until time.Time // when Read gives up waiting
	armed time.Time // the deadline that the runtime knows of; zero: unknown
	woken atomic.Bool
	came  time.Time     // when bytes came last, once live
	limit time.Duration // how long a Read before waits at most; 0: for ever
	ahead []byte        // what a read of little brought beyond it: crypto/tls asks for records of one row
	store []byte
}

const (
	// A Unix socket ignores the mark in poll; there a short rest lets bytes gather. Its buffer holds about 280 sends.
	nap = 300 * time.Microsecond
	// patience is how long a mark may keep waiting bytes: a few spans of the flow, and less than its lull.
	patience = 3 * time.Millisecond
	// little is a read for which it pays to fetch more and copy.
	little = 16 << 10
	// answer is how long a server may take for a piece of an answer. Statements end after 30 s.
	answer = 40 * time.Second
)

// reading is how a live socket reads. The benchmarks build a program with "plain", by the linker's -X, to put a mark beside
// reads that block and take what comes; nothing else changes it.
var reading = "coalesced"

// dialSocket dials as pgconn wants it, for its DialFunc.
func dialSocket(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newSocket(c), nil
	}
}

func newSocket(c net.Conn) *socket {
	s := &socket{Conn: c, flow: flow{mark: 1}, limit: answer}
	if sc, ok := c.(syscall.Conn); ok && reading != "plain" {
		if raw, err := sc.SyscallConn(); err == nil {
			s.raw = raw
		}
	}
	if _, ok := c.(*net.UnixConn); ok {
		s.rest = time.Sleep
	}
	return s
}

// own takes a Unix socket away from the runtime, whose poller would be woken by each message of a walsender although
// nobody waits for it. It comes after the driver has let go and before anybody else has s. A socket that cannot be had
// is only slower.
func (s *socket) own() {
	c, ok := s.Conn.(*net.UnixConn)
	if !ok || s.raw == nil {
		return
	}
	if u, err := unwatch(c); err == nil {
		s.Conn, s.rest = u, u.nap
	}
}

// Until says when a Read gives up waiting with os.ErrDeadlineExceeded. The first call takes the deadlines over from the
// driver.
func (s *socket) Until(t time.Time) {
	if !s.live {
		s.live, s.came = true, time.Now()
	}
	s.until = t
}

// Unanswered says after how long without an acknowledgement of what was written the peer counts as gone: the next Read or
// Write then fails. It needs no Read, and a peer whose kernel lives passes.
func (s *socket) Unanswered(d time.Duration) {
	if s.raw != nil {
		_ = s.raw.Control(func(fd uintptr) { setUnanswered(fd, d) }) // fails on a closed connection, whose Read tells
	}
}

// Wake makes a Read that waits, or the next one, give up with os.ErrDeadlineExceeded.
func (s *socket) Wake() {
	s.woken.Store(true)
	_ = s.SetReadDeadline(time.Unix(1, 0)) // fails on a closed connection, whose Read has ended anyway
}

// Read waits as the flow deserves, then takes what is there.
func (s *socket) Read(p []byte) (int, error) {
	if !s.live {
		if s.limit > 0 { // by closing: deadlines are the driver's
			defer time.AfterFunc(s.limit, func() { _ = s.Close() }).Stop()
		}
		return s.Conn.Read(p)
	}
	if len(s.ahead) == 0 {
		if len(p) >= little {
			return s.fetch(p)
		}
		if s.store == nil {
			s.store = make([]byte, 64<<10)
		}
		n, err := s.fetch(s.store)
		if s.ahead = s.store[:n]; n == 0 {
			return 0, err
		}
	}
	n := copy(p, s.ahead)
	s.ahead = s.ahead[n:]
	return n, nil
}

func (s *socket) fetch(p []byte) (int, error) {
	for {
		hot := s.flow.mark > 1
		marked := hot && s.rest == nil
		if hot && !marked {
			s.rest(nap)
		}
		s.arm(marked)
		// While bytes keep coming a hot flow reads past its deadline; what is due must be done all the same.
		if s.woken.Swap(false) || hot && !time.Now().Before(s.until) {
			s.armed = time.Time{}
			return 0, os.ErrDeadlineExceeded
		}
		n, err := s.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			s.note(n)
			return n, err
		}
		s.armed = time.Time{}
		if marked {
			n = s.take(p)
			s.note(n)
			if n > 0 {
				return n, nil
			}
		}
		if s.woken.Swap(false) || !time.Now().Before(s.until) {
			return 0, err
		}
	}
}

// arm tells the runtime the deadline, if it does not know it yet.
func (s *socket) arm(soon bool) {
	at := s.until
	if soon {
		if t := time.Now().Add(patience); t.Before(at) {
			at = t
		}
	}
	if at.Equal(s.armed) {
		return
	}
	s.armed = at
	_ = s.SetReadDeadline(at) // fails on a closed connection only, which Read then tells
}

func (s *socket) note(n int) {
	now := time.Now()
	if n > 0 {
		s.came = now
	}
	if s.raw != nil && s.flow.note(max(n, 0), now) {
		s.setMark()
	}
}

func (s *socket) setMark() {
	if s.rest != nil {
		return
	}
	mark := s.flow.mark
	err := s.raw.Control(func(fd uintptr) {
		// A mark beyond the receive buffer would never be reached.
		if size, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
			mark = max(1, min(mark, size/4))
		}
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, mark) != nil {
			mark = 1
		}
	})
	if err != nil {
		mark = 1
	}
	s.flow.mark = mark
}

// take reads without waiting. It works after a deadline has passed, when the runtime's own reads do not.
func (s *socket) take(p []byte) (n int) {
	_ = s.raw.Control(func(fd uintptr) { n, _ = unix.Read(int(fd), p) })
	return max(n, 0)
}

// below finds the socket below TLS.
func below(c net.Conn) *socket {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	return c.(*socket) // dialSocket made it
}
