package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/capture"
)

// pair is a Unix socket that the runtime does not watch, and its peer.
func pair(t *testing.T) (u *unwatched, peer net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		ends[i] = c.(*net.UnixConn)
	}
	if u, err = unwatch(ends[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = u.Close(), ends[1].Close() })
	return u, ends[1]
}

// Close ends a Read, a Write and a nap that wait, and the descriptors are gone when it returns.
func TestUnwatchedClose(t *testing.T) {
	for name, wait := range map[string]func(u *unwatched) error{
		"read":  func(u *unwatched) error { _, err := u.Read(make([]byte, 10)); return err },
		"write": func(u *unwatched) error { _, err := u.Write(make([]byte, 4<<20)); return err },
		"nap":   func(u *unwatched) error { u.nap(time.Hour); _, err := u.Read(make([]byte, 10)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			before := descriptors(t)
			for i := range 50 {
				u, peer := pair(t)
				ended := make(chan error, 1)
				go func() { ended <- wait(u) }()
				time.Sleep(time.Duration(i%5) * time.Millisecond)
				if err := u.Close(); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; !errors.Is(err, net.ErrClosed) {
					t.Fatalf("it ended with %v", err)
				}
				if err := u.Close(); !errors.Is(err, net.ErrClosed) {
					t.Fatalf("a second Close: %v", err)
				}
				if err := u.SetReadDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
					t.Fatalf("a deadline after Close: %v", err)
				}
				_ = peer.Close()
			}
			if n := descriptors(t); n != before {
				t.Errorf("%d descriptors, %d before", n, before)
			}
		})
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// A deadline ends a Read that began before it was set, and a nap; a later one lets bytes through.
func TestUnwatchedDeadline(t *testing.T) {
	u, peer := pair(t)
	b := make([]byte, 10)
	for range 20 {
		go func() { _ = u.SetReadDeadline(time.Unix(1, 0)) }()
		if _, err := u.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if err := u.SetReadDeadline(time.Now().Add(5 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		u.nap(time.Hour) // the bell rings
		if _, err := u.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if err := u.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := u.Read(b); n != 1 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// A large Write waits for room and brings everything; one that finds none in time says so. The peer's end is an io.EOF.
func TestUnwatchedWrite(t *testing.T) {
	u, peer := pair(t)
	const size = 4 << 20
	got := make(chan int64, 1)
	go func() {
		n, _ := io.CopyN(io.Discard, peer, size)
		got <- n
	}()
	if n, err := u.Write(make([]byte, size)); n != size || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if n := <-got; n != size {
		t.Errorf("the peer got %d bytes", n)
	}
	if err := u.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := u.Write(make([]byte, size)); n == 0 || n == size || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = peer.(*net.UnixConn).CloseWrite()
	if _, err := u.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the peer's end: %v", err)
	}
}

// A stream keeps its narrow window until a message comes that is larger.
func TestLargeMessageWidens(t *testing.T) {
	sockets(t, func(t *testing.T, sock *socket, peer net.Conn) {
		u, ok := sock.Conn.(*unwatched)
		if _, tcp := peer.(*net.TCPConn); !ok || !tcp {
			return
		}
		s, _ := newStream(t)
		s.conn, s.socket = sock, sock
		s.attach()
		s.pulse = 200 * time.Millisecond // the second keepalive is answered by the clock
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.receive(ctx) }()
		for i, c := range []struct{ body, want int }{{largeMessage, 2 * narrowBuffer}, {largeMessage + 1, 2 * roomyBuffer}} {
			end := capture.LSN(0x100 * (i + 1))
			wire := append([]byte{'S'}, binary.BigEndian.AppendUint32(nil, uint32(c.body+4))...)
			wire = append(wire, make([]byte, c.body)...)
			wire = append(wire, 'd', 0, 0, 0, 22, 'k')
			wire = append(wire, keepaliveBody(end, 1)...)
			if _, err := peer.Write(wire); err != nil {
				t.Fatal(err)
			}
			for update := make([]byte, 39); capture.LSN(binary.BigEndian.Uint64(update[6:])) < end; { // the first is of the start
				if _, err := io.ReadFull(peer, update); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := unix.GetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_RCVBUF); n != c.want || err != nil {
				t.Errorf("after a message of %d bytes a receive buffer of %d, want %d (%v)", c.body, n, c.want, err)
			}
		}
		cancel(io.EOF)
		sock.Wake()
		<-ended
	})
}
