package conn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// sockets returns a connection of each kind, our end and the other. Each is also tested while the runtime owns it.
func sockets(t *testing.T, test func(t *testing.T, s *Socket, peer net.Conn)) {
	t.Helper()
	for _, kind := range []string{"tcp", "unix", "watched tcp", "watched unix"} {
		t.Run(kind, func(t *testing.T) {
			network, addr := "tcp", "127.0.0.1:0"
			if strings.HasSuffix(kind, "unix") {
				network, addr = "unix", filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(network, addr)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			peers := make(chan net.Conn, 1)
			go func() {
				if c, err := l.Accept(); err == nil {
					peers <- c
				}
			}()
			dial := Dial(&net.Dialer{Control: NarrowWindow})
			c, err := dial(t.Context(), network, l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			s, peer := c.(*Socket), <-peers
			defer peer.Close()
			if kind == network {
				s.Own()
			}
			test(t, s, peer)
		})
	}
}

// pour writes without end, to heat the flow up.
func pour(peer net.Conn) {
	for b := make([]byte, 64<<10); ; {
		if _, err := peer.Write(b); err != nil {
			return
		}
	}
}

// The deadline expires even while bytes keep arriving: we must send to the server even in the middle of a large message.
func TestSocketDeadlineWhileHot(t *testing.T) {
	sockets(t, func(t *testing.T, s *Socket, peer net.Conn) {
		go pour(peer)
		b, hot := make([]byte, 1<<30), 0 // a body can be that large
		for range 20 {
			s.Until(time.Now().Add(20 * time.Millisecond))
			var err error
			for began := time.Now(); err == nil; {
				if _, err = s.Read(b); time.Since(began) > 20*time.Second {
					t.Fatal("the deadline never passed")
				}
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			if s.flow.heat > cold {
				hot++
			}
		}
		if hot == 0 {
			t.Error("the flow was never hot: this tests nothing")
		}
	})
}

// With plain reads, which the benchmarks compare with, a socket stays the runtime's and never rests.
func TestSocketReadsPlainly(t *testing.T) {
	defer func() { Reading = "rested" }()
	for _, Reading = range []string{"plain", "rested"} {
		sockets(t, func(t *testing.T, s *Socket, _ net.Conn) {
			s.Own()
			_, unwatched := s.Conn.(*RawConn)
			if plain := Reading == "plain"; unwatched == plain || (s.sleep == nil) != plain || (s.tryRead == nil) != plain {
				t.Errorf("%s: %T, rests: %t, takes: %t", Reading, s.Conn, s.sleep != nil, s.tryRead != nil)
			}
		})
	}
}

// A hot flow is read once per rest, whatever the sends are, and what has accumulated is read at once.
func TestSocketRests(t *testing.T) {
	sockets(t, func(t *testing.T, s *Socket, peer net.Conn) {
		s.Own()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() { // at 20 MB/s: faster, rests are shorter
			defer close(stopped)
			began, sent := time.Now(), 0
			for b := make([]byte, 100); ; sent += len(b) {
				for time.Since(began) < time.Duration(sent)*50 {
					runtime.Gosched()
				}
				select {
				case <-stop:
					return
				default:
				}
				if _, err := peer.Write(b); err != nil {
					return
				}
			}
		}()
		b := make([]byte, 4<<20)
		s.Until(time.Now().Add(time.Minute))
		const reads = 200
		var rested time.Duration
		for n := 0; n < reads; {
			rests, began := s.flow.heat > cold, time.Now()
			if _, err := s.Read(b); err != nil {
				t.Fatal(err)
			}
			if rests {
				n, rested = n+1, rested+time.Since(began)
			}
		}
		if rest := min(s.Rests[hot], s.Rests[pouring]); rested < reads*rest*9/10 {
			t.Errorf("%d reads took %s, with rests of %s", reads, rested, rest)
		}
		// A read continues as long as data is available: each piece makes room for what the sender has accumulated.
		close(stop)
		for ended := false; ; { // the sender may wait for room in the socket
			select {
			case <-stopped:
				ended = true
			default:
			}
			s.Until(time.Now().Add(50 * time.Millisecond))
			if _, err := s.Read(b); errors.Is(err, os.ErrDeadlineExceeded) && ended {
				break
			} else if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
		}
		pieces := 3
		s.tryRead = func(p []byte) int {
			if pieces == 0 {
				return 0
			}
			pieces--
			return copy(p, make([]byte, most/8))
		}
		s.flow.heat, s.flow.rate = hot, 20e6
		s.Until(time.Now().Add(time.Minute))
		if _, err := peer.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Read(b); n != 3*most/8+100 || pieces > 0 || err != nil {
			t.Errorf("a read brought %d bytes, want %d; %d pieces are left (%v)", n, 3*most/8+100, pieces, err)
		}
	})
}

// The window is small for a peer on this machine only, and holds several segments; where segments cannot be limited the buffer
// stays the kernel's.
func TestNarrow(t *testing.T) {
	defer func(was int) { MaxSegment = was }(MaxSegment)
	for _, c := range []struct {
		addr    string
		segment int
		narrow  bool
	}{
		{"127.0.0.1:5432", 2048, true},
		{"[::1]:5432", 2048, true},
		{"[::ffff:127.0.0.1]:5432", 2048, true},
		{"192.0.2.1:5432", 2048, false},
		{"[2001:db8::1]:5432", 2048, false},
		{"127.0.0.1:5432", 1 << 20, false}, // more than the kernel takes
	} {
		family := unix.AF_INET6
		if strings.HasPrefix(c.addr, "1") {
			family = unix.AF_INET
		}
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		before, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil {
			t.Fatal(err)
		}
		MaxSegment = c.segment
		if err := NarrowWindow("tcp", c.addr, descriptor(fd)); err != nil {
			t.Fatal(err)
		}
		size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		if want := map[bool]int{true: 2 * NarrowBuffer, false: before}[c.narrow]; size != want || err != nil {
			t.Errorf("%s, segments of %d: a receive buffer of %d bytes, want %d (%v)", c.addr, c.segment, size, want, err)
		}
	}
}

// descriptor is a socket of its own as a dialer's Control function gets it.
type descriptor int

func (d descriptor) Control(f func(fd uintptr)) error { f(uintptr(d)); return nil }
func (descriptor) Read(func(fd uintptr) bool) error   { return errors.ErrUnsupported }
func (descriptor) Write(func(fd uintptr) bool) error  { return errors.ErrUnsupported }

// What the kernel granted is read back from the connection: the peer sends small segments, or the window is given room. A buffer
// that was left alone stays so.
func TestCheckWindow(t *testing.T) {
	small := func(_, _ string, raw syscall.RawConn) error { // a kernel that takes the limit and does not keep to it
		return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, NarrowBuffer) })
	}
	for name, c := range map[string]struct {
		control func(string, string, syscall.RawConn) error
		want    int // 0: the kernel's
	}{"limited": {NarrowWindow, NarrowBuffer}, "not limited": {small, RoomyBuffer}, "left alone": {nil, 0}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := Dial(&net.Dialer{Control: c.control})(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		s := conn.(*Socket)
		s.Own()
		fd := s.Conn.(*RawConn).FD
		size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		advertised, known := advertisedSegment(fd)
		if s.buffer != c.want || c.want > 0 && size != 2*c.want || c.want == 0 && size <= 2*NarrowBuffer || err != nil || !known {
			t.Errorf("%s: a receive buffer of %d bytes, %d asked for, want %d (%v)", name, size, s.buffer, c.want, err)
		}
		if (name == "limited") != (advertised <= MaxSegment) {
			t.Errorf("%s: segments of %d bytes", name, advertised)
		}
	}
}

// All bytes arrive, in order, whether the flow is hot, cold, or changes, in large reads and in small ones as TLS makes.
func TestSocketBytes(t *testing.T) {
	for _, size := range []int{5, 1000, little, 256 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			sockets(t, func(t *testing.T, s *Socket, peer net.Conn) {
				const total = 6 << 20
				go func() {
					var b []byte
					for n := 0; n < total; n += len(b) {
						b = make([]byte, min(total-n, 1+n%70_000))
						for i := range b {
							b[i] = byte((n + i) % 251)
						}
						if n%50 == 0 {
							time.Sleep(time.Millisecond)
						}
						if _, err := peer.Write(b); err != nil {
							return
						}
					}
					peer.Close()
				}()
				b, at := make([]byte, size), 0
				s.Until(time.Now().Add(10 * time.Millisecond))
				for {
					n, err := s.Read(b)
					for i := range n {
						if b[i] != byte((at+i)%251) {
							t.Fatalf("byte %d is wrong", at+i)
						}
					}
					at += n
					if errors.Is(err, os.ErrDeadlineExceeded) {
						s.Until(time.Now().Add(10 * time.Millisecond))
					} else if err != nil {
						if !errors.Is(err, io.EOF) || at != total {
							t.Errorf("%d bytes of %d, %v", at, total, err)
						}
						return
					}
				}
			})
		})
	}
}

// Wake ends the waiting Read, or the next one, once.
func TestSocketWake(t *testing.T) {
	sockets(t, func(t *testing.T, s *Socket, peer net.Conn) {
		s.Until(time.Now().Add(time.Hour))
		for i := range 100 {
			if i%2 == 0 {
				s.Wake()
			} else {
				go s.Wake()
			}
			if _, err := s.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
		}
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Read(make([]byte, 10)); n != 1 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

// Before the stream, a silent peer times out; one that keeps sending does not.
func TestSocketLimit(t *testing.T) {
	sockets(t, func(t *testing.T, s *Socket, peer net.Conn) {
		if s.Limit != AnswerTimeout {
			t.Errorf("limit %s", s.Limit)
		}
		s.Limit = 300 * time.Millisecond
		go func() {
			for range 8 {
				time.Sleep(100 * time.Millisecond)
				if _, err := peer.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
		for n := 0; ; n++ {
			_, err := s.Read(make([]byte, 10))
			if err == nil {
				continue
			}
			if n != 8 || !errors.Is(err, net.ErrClosed) || !pgconnect.Broken(err) {
				t.Errorf("after %d bytes: %v", n, err)
			}
			return
		}
	})
}
