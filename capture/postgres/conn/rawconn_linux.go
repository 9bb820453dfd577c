package conn

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// RawConn is a socket that the runtime's poller does not watch: as long as no goroutine is in Read, arriving data wakes no
// thread, and the walsender does not pay for a wake-up. A goroutine that waits in Read blocks a thread.
//
// At most one goroutine may be in Read, tryRead or sleepUntilWake, and one in Write; any goroutine may call SetReadDeadline and Close. A
// write deadline applies to the writes that begin after it was set.
type RawConn struct {
	FD            int // non-blocking
	bell          int // an eventfd that ends a wait in Read or sleepUntilWake
	local, remote net.Addr
	began         time.Time
	readBy        atomic.Int64 // the deadlines, in nanoseconds since began
	writeBy       atomic.Int64
	closed        atomic.Bool
	inside        sync.RWMutex // locked for reading to use fd or bell, for writing to close them
	handed        bool         // the goroutine of Read has made another one ready since it last waited
}

const never = math.MaxInt64

// unwatch takes the socket over from c, which it closes; after an error c is unchanged.
func unwatch(c net.Conn) (*RawConn, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	u := &RawConn{local: c.LocalAddr(), remote: c.RemoteAddr(), began: time.Now()}
	u.readBy.Store(never)
	u.writeBy.Store(never)
	if u.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("make an eventfd: %w", err)
	}
	failed := raw.Control(func(fd uintptr) { u.FD, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(failed, err); err != nil {
		_ = unix.Close(u.bell)
		return nil, fmt.Errorf("duplicate a socket: %w", err)
	}
	_ = c.Close() // removes its descriptor from the poller; the connection lives on in our duplicate
	return u, nil
}

// Read implements net.Conn.
func (u *RawConn) Read(p []byte) (int, error) {
	u.inside.RLock()
	defer u.inside.RUnlock()
	for {
		left, err := u.left(&u.readBy)
		if err != nil {
			return 0, err
		}
		switch n, err := unix.Read(u.FD, p); {
		case n > 0 || len(p) == 0:
			return n, nil
		case u.closed.Load():
			return 0, net.ErrClosed
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, unix.EAGAIN):
			u.yield()
			u.wait(left, unix.PollFd{Fd: int32(u.bell), Events: unix.POLLIN}, unix.PollFd{Fd: int32(u.FD), Events: unix.POLLIN})
		case !errors.Is(err, unix.EINTR):
			return 0, u.failed("read", err)
		}
	}
}

// tryRead reads what is available, without waiting. The next Read reports an end or an error.
func (u *RawConn) tryRead(p []byte) int {
	u.inside.RLock()
	defer u.inside.RUnlock()
	if u.closed.Load() {
		return 0
	}
	n, _ := unix.Read(u.FD, p)
	return max(n, 0)
}

// sleepUntilWake waits for d, or until the read deadline changes, whatever arrives.
func (u *RawConn) sleepUntilWake(d time.Duration) {
	u.inside.RLock()
	defer u.inside.RUnlock()
	if !u.closed.Load() {
		u.yield()
		u.wait(d, unix.PollFd{Fd: int32(u.bell), Events: unix.POLLIN})
	}
}

// Write implements net.Conn.
func (u *RawConn) Write(p []byte) (int, error) {
	u.inside.RLock()
	defer u.inside.RUnlock()
	for done := 0; ; {
		left, err := u.left(&u.writeBy)
		if err != nil {
			return done, err
		}
		n, err := unix.Write(u.FD, p[done:])
		switch done += max(n, 0); {
		case done == len(p):
			return done, nil
		case err != nil && u.closed.Load():
			return done, net.ErrClosed
		case errors.Is(err, unix.EAGAIN):
			u.wait(left, unix.PollFd{Fd: int32(u.FD), Events: unix.POLLOUT})
		case err != nil && !errors.Is(err, unix.EINTR):
			return done, u.failed("write", err)
		}
	}
}

// left returns how long a call may wait.
func (u *RawConn) left(by *atomic.Int64) (time.Duration, error) {
	if u.closed.Load() {
		return 0, net.ErrClosed
	}
	d := time.Duration(by.Load()) - time.Since(u.began)
	if d <= 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return d, nil
}

// handOver records that the goroutine of Read has made another one ready.
func (u *RawConn) handOver() { u.handed = true }

// yield lets a goroutine that was handed work run before Read or nap waits: a thread in a system call keeps its processor for
// a while. It costs a wake-up of another thread, so it is left out when there is no such goroutine.
func (u *RawConn) yield() {
	if u.handed {
		u.handed = false
		runtime.Gosched()
	}
}

// wait returns when one of fds is ready, after d, or spuriously: the caller checks. If the bell is among fds it is the
// first, and wait resets it.
func (u *RawConn) wait(d time.Duration, fds ...unix.PollFd) {
	ts := unix.NsecToTimespec(int64(d))
	if n, err := unix.Ppoll(fds, &ts, nil); err == nil && n > 0 && int(fds[0].Fd) == u.bell && fds[0].Revents != 0 {
		_, _ = unix.Read(u.bell, make([]byte, 8)) // the reason for the ring is in u
	}
}

// Close implements net.Conn. A Read or Write that waits returns net.ErrClosed first.
func (u *RawConn) Close() error {
	if u.closed.Swap(true) {
		return net.ErrClosed
	}
	_ = unix.Shutdown(u.FD, unix.SHUT_RDWR) // ends every wait for the socket; fails when the peer has gone
	u.ring()
	u.inside.Lock()
	defer u.inside.Unlock()
	_ = unix.Close(u.bell)
	if err := unix.Close(u.FD); err != nil {
		return u.failed("close", err)
	}
	return nil
}

// ring must not be called after Close has closed the bell.
func (u *RawConn) ring() { _, _ = unix.Write(u.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// SetReadDeadline implements net.Conn; it applies to a waiting Read immediately.
func (u *RawConn) SetReadDeadline(t time.Time) error {
	u.inside.RLock()
	defer u.inside.RUnlock()
	if u.closed.Load() {
		return net.ErrClosed
	}
	u.readBy.Store(u.since(t))
	u.ring()
	return nil
}

// SetWriteDeadline implements net.Conn.
func (u *RawConn) SetWriteDeadline(t time.Time) error {
	u.writeBy.Store(u.since(t))
	return nil
}

// SetDeadline implements net.Conn.
func (u *RawConn) SetDeadline(t time.Time) error {
	u.writeBy.Store(u.since(t))
	return u.SetReadDeadline(t)
}

// SyscallConn implements syscall.Conn; only Control of what it returns may be used.
func (u *RawConn) SyscallConn() (syscall.RawConn, error) { return rawUnwatched{u}, nil }

// rawUnwatched gives access to the descriptor of an unwatched socket.
type rawUnwatched struct{ u *RawConn }

// Control implements syscall.RawConn.
func (r rawUnwatched) Control(f func(fd uintptr)) error {
	r.u.inside.RLock()
	defer r.u.inside.RUnlock()
	if r.u.closed.Load() {
		return net.ErrClosed
	}
	f(uintptr(r.u.FD))
	return nil
}

// Read implements syscall.RawConn.
func (rawUnwatched) Read(func(fd uintptr) bool) error { return errors.ErrUnsupported }

// Write implements syscall.RawConn.
func (rawUnwatched) Write(func(fd uintptr) bool) error { return errors.ErrUnsupported }

func (u *RawConn) since(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return int64(t.Sub(u.began))
}

// LocalAddr implements net.Conn.
func (u *RawConn) LocalAddr() net.Addr { return u.local }

// RemoteAddr implements net.Conn.
func (u *RawConn) RemoteAddr() net.Addr { return u.remote }

// failed returns the error that net returns for a failed call.
func (u *RawConn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: u.remote.Network(), Source: u.local, Addr: u.remote, Err: os.NewSyscallError(op, err)}
}
