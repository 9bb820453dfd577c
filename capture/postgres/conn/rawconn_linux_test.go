package conn

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair is a Unix socket that the runtime does not watch, and its peer.
func pair(t *testing.T) (u *RawConn, peer net.Conn) {
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

// Close ends a Read, a Write and a sleep that wait, and the descriptors are gone when it returns.
func TestUnwatchedClose(t *testing.T) {
	for name, wait := range map[string]func(u *RawConn) error{
		"read":  func(u *RawConn) error { _, err := u.Read(make([]byte, 10)); return err },
		"write": func(u *RawConn) error { _, err := u.Write(make([]byte, 4<<20)); return err },
		"sleep": func(u *RawConn) error { u.sleepUntilWake(time.Hour); _, err := u.Read(make([]byte, 10)); return err },
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

// A deadline ends a Read that began before it was set, and a sleep; a later one lets bytes through.
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
		u.sleepUntilWake(time.Hour) // the bell rings
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

// A goroutine that was handed work runs before the reader waits; without one the wait begins at once. The runtime promises neither,
// so most of the tries count.
func TestUnwatchedYields(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	u, _ := pair(t)
	const tries = 200
	ranFirst := func(before func()) (n int) {
		for range tries {
			var ran atomic.Bool
			ended := make(chan struct{})
			go func() {
				ran.Store(true)
				close(ended)
			}()
			before()
			u.sleepUntilWake(0)
			if ran.Load() {
				n++
			}
			<-ended
		}
		return n
	}
	if n := ranFirst(u.handOver); n < tries*3/4 {
		t.Errorf("the goroutine ran first in %d of %d tries", n, tries)
	}
	if n := ranFirst(func() {}); n > tries/2 {
		t.Errorf("without a handover another goroutine ran first in %d of %d tries", n, tries)
	}
}
