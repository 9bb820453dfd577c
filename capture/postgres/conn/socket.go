package conn

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Socket is the connection's socket, below TLS where there is TLS. The walsender makes one send a row. While its reader
// keeps up, each is a packet of its own, with a wake-up of the reader and an acknowledgement, all in the walsender's time;
// so while much flows, this reader rests between reads, and takes what has gathered. When the flow cools it waits in Read,
// and nothing is late. Step 1 of the way of one row.
//
// Read and Until are for one goroutine; Wake is for any other.
type Socket struct {
	net.Conn
	nap     func(time.Duration) // waits so long, or until Wake; nil: it never rests
	take    func([]byte) int    // reads what is there, without waiting; nil: it cannot
	Rests   [3]time.Duration    // between reads, by the heat of the flow
	flow    flow
	local   bool // the peer is on this machine, reached by TCP
	buffer  int  // the receive buffer that was last asked for, in bytes; 0: the kernel's own
	stalls  stalls
	Inside  func() bool         // reports whether a part of a message is here; nil: before the stream
	Large   func() bool         // reports whether messages are large, which are few: resting saves nothing then; nil: they are not
	Stalled func(remedy string) // hears of a stall and what was done about it
	live    bool                // the stream has begun; before, every deadline is the driver's
	until   time.Time           // when Read gives up waiting
	armed   time.Time           // the deadline that the connection knows of; zero: unknown
	woken   atomic.Bool
	came    time.Time     // when bytes came last, once live
	dry     time.Time     // when a read left nothing behind; zero: it did not
	Limit   time.Duration // how long a Read before waits at most; 0: for ever
	ahead   []byte        // what a read of little brought beyond it: crypto/tls asks for records of one row
	store   []byte
}

// The rests of a hot flow, by its heat. Half of one is the delay that it costs.
var (
	restsTCP  = [...]time.Duration{hot: time.Millisecond, pouring: 2 * time.Millisecond}
	RestsUnix = [...]time.Duration{hot: 300 * time.Microsecond, pouring: 200 * time.Microsecond} // its buffer holds about 280 sends
)

const (
	// gather is, in bytes, what may wait for a read: large rows would fill the sender's buffer within a rest.
	gather = 96 << 10
	// gatherRoomy is the same of a stream with a roomy buffer: less than its window, which is 64 KiB at most.
	gatherRoomy = 48 << 10
	// most is what one Read brings, in bytes: between two it is looked at the time.
	most = frameBuf
	// little is a read for which it pays to fetch more and copy.
	little = 16 << 10
	// AnswerTimeout is how long a server may take for a piece of an answer. Statements end after 30 s.
	AnswerTimeout = 40 * time.Second
)

// Reading is how a live socket reads. The benchmarks build a program with "plain", by the linker's -X, to put rests beside
// reads that block and take what comes; nothing else changes it.
var Reading = "rested"

// Dial dials as pgconn wants it, for its DialFunc.
func Dial(d *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return NewSocket(c), nil
	}
}

// NewSocket watches a connection, which it owns from then on. Its limit is AnswerTimeout.
func NewSocket(c net.Conn) *Socket {
	_, tcp := c.(*net.TCPConn)
	return &Socket{Conn: c, Limit: AnswerTimeout, local: tcp && near(c.RemoteAddr().String())}
}

// Own takes the socket away from the runtime, whose poller would be woken by each send of a walsender although nobody waits
// for it. It comes after the driver has let go and before anybody else has s. A socket that cannot be had is only slower.
func (s *Socket) Own() {
	if Reading == "plain" {
		return
	}
	switch c := s.Conn.(type) {
	case *net.TCPConn:
		s.checkWindow(c)
		s.nap, s.Rests = time.Sleep, restsTCP
	case *net.UnixConn:
		s.nap, s.Rests = time.Sleep, RestsUnix
	default:
		return
	}
	if u, err := unwatch(s.Conn); err == nil {
		s.Conn, s.nap, s.take = u, u.nap, u.take
	}
}

// Until says when a Read gives up waiting with os.ErrDeadlineExceeded. The first call takes the deadlines over from the
// driver.
func (s *Socket) Until(t time.Time) {
	if !s.live {
		s.live, s.came = true, time.Now()
	}
	s.until = t
}

// Unanswered says after how long without an acknowledgement of what was written the peer counts as gone: the next Read or
// Write then fails. It needs no Read, and a peer whose kernel lives passes.
func (s *Socket) Unanswered(d time.Duration) {
	c, ok := s.Conn.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { setUserTimeout(fd, d) }) // fails on a closed connection, whose Read tells
	}
}

// Wake makes a Read that waits, or the next one, give up with os.ErrDeadlineExceeded.
func (s *Socket) Wake() {
	s.woken.Store(true)
	_ = s.SetReadDeadline(time.Unix(1, 0)) // fails on a closed connection, whose Read has ended anyway
}

// Read waits as the flow deserves, then takes what is there.
func (s *Socket) Read(p []byte) (int, error) {
	if !s.live {
		if s.Limit > 0 { // by closing: deadlines are the driver's
			defer time.AfterFunc(s.Limit, func() { _ = s.Close() }).Stop()
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

func (s *Socket) fetch(p []byte) (int, error) {
	p = p[:min(len(p), most)]
	for {
		rests := s.flow.heat > cold && s.nap != nil
		if rests && !s.dry.IsZero() && (s.Large == nil || !s.Large()) {
			rest := min(s.Rests[s.flow.heat], s.flow.until(s.gathers()))
			if d := min(rest-time.Since(s.dry), time.Until(s.until)); d > 0 {
				s.nap(d)
			}
		}
		s.arm()
		// While bytes keep coming a hot flow reads past its deadline; what is due must be done all the same.
		if s.woken.Swap(false) || rests && !time.Now().Before(s.until) {
			s.armed = time.Time{}
			return 0, os.ErrDeadlineExceeded
		}
		if s.local && s.Inside != nil {
			s.stalls.wait(time.Now(), s.Inside())
		}
		n, err := s.drain(p, rests)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		s.armed = time.Time{}
		if s.woken.Swap(false) || !time.Now().Before(s.until) {
			return 0, err
		}
	}
}

// gathers is how many bytes may wait for a read.
func (s *Socket) gathers() int {
	if s.buffer > NarrowBuffer {
		return gatherRoomy
	}
	return gather
}

// drain reads once, and after it, if all, as long as something is there: each read makes room in the window for what the
// sender has gathered.
func (s *Socket) drain(p []byte, all bool) (int, error) {
	n, err := s.Conn.Read(p)
	for all && s.take != nil && n > 0 && n < len(p) {
		k := s.take(p[n:])
		if k == 0 {
			break
		}
		n += k
	}
	now := time.Now()
	if n > 0 {
		if s.came = now; s.stalls.came(now) {
			s.unstall()
		}
	}
	if s.dry = now; n == len(p) {
		s.dry = time.Time{}
	}
	s.flow.note(n, now)
	return n, err
}

// Paused tells the socket that the stream has read nothing for a while, so silence proves nothing.
func (s *Socket) Paused() {
	s.came = time.Now()
	s.stalls.paused()
}

// WantsSent reports whether the next message has to be told to Sent.
func (s *Socket) WantsSent() bool { return s.stalls.pending() }

// CameAt returns when bytes came last.
func (s *Socket) CameAt() time.Time { return s.came }

// Unwake takes back a Wake that no Read has seen.
func (s *Socket) Unwake() { s.woken.Store(false) }

// Sent tells the socket when the server sent the message that is complete now.
func (s *Socket) Sent(at time.Time) {
	if s.stalls.sent(at) {
		s.unstall()
	}
}

// unstall makes the window wide enough for any segment; should the connection stall again, it is read without rests.
func (s *Socket) unstall() {
	remedy := "the receive window is widened"
	if !s.Widen(RoomyBuffer) {
		s.nap = nil
		remedy = "the stream is read without rests"
	}
	s.Stalled(remedy)
}

// arm tells the connection the deadline, if it does not know it yet.
func (s *Socket) arm() {
	if s.until.Equal(s.armed) {
		return
	}
	s.armed = s.until
	_ = s.SetReadDeadline(s.until) // fails on a closed connection only, which Read then tells
}

// Below finds the socket below TLS.
func Below(c net.Conn) *Socket {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	return c.(*Socket) // Dial made it
}
