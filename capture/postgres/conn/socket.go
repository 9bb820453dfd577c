package conn

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Socket is the connection's socket, below TLS if there is TLS. The walsender makes one send per row. While its reader
// keeps up, each send is a packet of its own, with a wake-up of the reader and an acknowledgement, all in the walsender's
// time. So while the data rate is high, this reader rests between reads, and then takes what has accumulated. When the flow
// cools it waits in Read, and nothing is delayed. Step 1 of the way of one row.
//
// Read and Until are for one goroutine; Wake is for any other.
type Socket struct {
	net.Conn
	sleep     func(time.Duration) // waits for a duration, or until Wake; nil: the socket never rests
	tryRead   func([]byte) int    // reads what is available, without waiting; nil: not supported
	handed    func()              // records a call of HandedOver; nil: not needed
	Rests     [3]time.Duration    // between reads, by the heat of the flow
	flow      flow
	local     bool // the peer is on this machine, connected by TCP
	buffer    int  // the receive buffer that was last requested, in bytes; 0: the kernel's own
	stalls    stalls
	Inside    func() bool         // reports whether a part of a message has been read; nil: before the stream
	Large     func() bool         // reports whether messages are large and therefore few, so that resting saves nothing; nil: they are not
	Stalled   func(remedy string) // called with a stall and what was done about it
	live      bool                // the stream has begun; before that, the driver sets every deadline
	until     time.Time           // when Read gives up waiting
	armed     time.Time           // the deadline that is set on the connection; zero: unknown
	woken     atomic.Bool
	came      time.Time     // when bytes last arrived, once live
	drainedAt time.Time     // when a read emptied the socket; zero: it did not
	Limit     time.Duration // how long a Read before the stream waits at most; 0: forever
	ahead     []byte        // the bytes that a small read brought beyond its request: crypto/tls requests records of one row
	store     []byte
}

// The rests of a hot flow, by its heat. The mean delay that a rest causes is half of it.
var (
	restsTCP  = [...]time.Duration{hot: time.Millisecond, pouring: 2 * time.Millisecond}
	RestsUnix = [...]time.Duration{hot: 300 * time.Microsecond, pouring: 200 * time.Microsecond} // its buffer holds about 280 sends
)

const (
	// gather is the number of bytes that may wait for a read: large rows would fill the sender's buffer within a rest.
	gather = 96 << 10
	// gatherRoomy is the same for a stream with a roomy buffer: less than its window, which is 64 KiB at most.
	gatherRoomy = 48 << 10
	// most is the maximum of one Read, in bytes: between two reads the time is checked.
	most = frameBuf
	// little is the size of a read for which it pays to read more and copy.
	little = 16 << 10
	// AnswerTimeout is how long a server may take for a part of an answer. Statements end after 30 s.
	AnswerTimeout = 40 * time.Second
)

// Reading is how a live socket reads. The benchmarks build a program with "plain", by the linker's -X, to compare rests
// with reads that block and take what arrives; only that changes it.
var Reading = "rested"

// Dial returns a DialFunc for pgconn.
func Dial(d *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return NewSocket(c), nil
	}
}

// NewSocket wraps a connection and owns it from then on. Its limit is AnswerTimeout.
func NewSocket(c net.Conn) *Socket {
	_, tcp := c.(*net.TCPConn)
	return &Socket{Conn: c, Limit: AnswerTimeout, local: tcp && near(c.RemoteAddr().String())}
}

// Own takes the socket away from the runtime, whose poller would be woken by each send of a walsender even though no
// goroutine waits for it. It must be called after the driver has released the connection and before any other goroutine
// uses s. If that fails, the stream is only slower.
func (s *Socket) Own() {
	if Reading == "plain" {
		return
	}
	switch c := s.Conn.(type) {
	case *net.TCPConn:
		s.checkWindow(c)
		s.sleep, s.Rests = time.Sleep, restsTCP
	case *net.UnixConn:
		s.sleep, s.Rests = time.Sleep, RestsUnix
	default:
		return
	}
	if u, err := unwatch(s.Conn); err == nil {
		s.Conn, s.sleep, s.tryRead, s.handed = u, u.sleepUntilWake, u.tryRead, u.handOver
	}
}

// Until sets the time at which a Read gives up with os.ErrDeadlineExceeded. The first call takes the deadlines over from
// the driver.
func (s *Socket) Until(t time.Time) {
	if !s.live {
		s.live, s.came = true, time.Now()
	}
	s.until = t
}

// Unanswered sets the time after which a peer that has not acknowledged written data counts as dead: the next Read or Write
// then fails. It works without a Read, and does not affect a peer whose kernel is alive.
func (s *Socket) Unanswered(d time.Duration) {
	c, ok := s.Conn.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { setUserTimeout(fd, d) }) // fails on a closed connection, whose Read returns the error
	}
}

// Wake makes a waiting Read, or else the next one, give up with os.ErrDeadlineExceeded.
func (s *Socket) Wake() {
	s.woken.Store(true)
	_ = s.SetReadDeadline(time.Unix(1, 0)) // fails on a closed connection, whose Read has ended anyway
}

// Read rests or waits, depending on the flow, and then reads what is available.
func (s *Socket) Read(p []byte) (int, error) {
	if !s.live {
		if s.Limit > 0 { // by closing: the driver uses the deadlines
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
		rests := s.flow.heat > cold && s.sleep != nil
		if rests && !s.drainedAt.IsZero() && (s.Large == nil || !s.Large()) {
			rest := min(s.Rests[s.flow.heat], s.flow.until(s.gathers()))
			if d := min(rest-time.Since(s.drainedAt), time.Until(s.until)); d > 0 {
				s.sleep(d)
			}
		}
		s.arm()
		// While bytes keep arriving, a hot flow would read past its deadline; what is due then must still be done.
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

// gathers returns the number of bytes that may wait for a read.
func (s *Socket) gathers() int {
	if s.buffer > NarrowBuffer {
		return gatherRoomy
	}
	return gather
}

// drain reads once and then, if all is true, until nothing is available: each read makes room in the window for the data
// that the sender has accumulated.
func (s *Socket) drain(p []byte, all bool) (int, error) {
	n, err := s.Conn.Read(p)
	for all && s.tryRead != nil && n > 0 && n < len(p) {
		k := s.tryRead(p[n:])
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
	if s.drainedAt = now; n == len(p) {
		s.drainedAt = time.Time{}
	}
	s.flow.record(n, now)
	return n, err
}

// Paused tells the socket that the stream has read nothing for a while, so silence proves nothing.
func (s *Socket) Paused() {
	s.came = time.Now()
	s.stalls.paused()
}

// HandedOver tells the socket that the goroutine of Read has passed work to another one, which should run before the next Read
// waits.
func (s *Socket) HandedOver() {
	if s.handed != nil {
		s.handed()
	}
}

// WantsSent reports whether Sent has to be called for the next message.
func (s *Socket) WantsSent() bool { return s.stalls.pending() }

// CameAt returns when bytes last arrived.
func (s *Socket) CameAt() time.Time { return s.came }

// Unwake undoes a Wake that no Read has seen.
func (s *Socket) Unwake() { s.woken.Store(false) }

// Sent tells the socket when the server sent the message that has just been completed.
func (s *Socket) Sent(at time.Time) {
	if s.stalls.sent(at) {
		s.unstall()
	}
}

// unstall makes the window wide enough for any segment; if the connection stalls again, it is read without rests.
func (s *Socket) unstall() {
	remedy := "the receive window is widened"
	if !s.Widen(RoomyBuffer) {
		s.sleep = nil
		remedy = "the stream is read without rests"
	}
	s.Stalled(remedy)
}

// arm sets the deadline on the connection, if it is not set yet.
func (s *Socket) arm() {
	if s.until.Equal(s.armed) {
		return
	}
	s.armed = s.until
	_ = s.SetReadDeadline(s.until) // fails only on a closed connection, and Read then returns the error
}

// Below returns the socket below TLS.
func Below(c net.Conn) *Socket {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	return c.(*Socket) // Dial created it
}
