package proxy

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/testenv/process"
)

// The two directions of a link.
const (
	fromClient = iota
	fromServer
)

// link is a client's connection and its counterpart to the server.
type link struct {
	proxy  *Server
	client *net.TCPConn
	server *net.TCPConn // nil until dialled
	watch  [2]func([]byte)
	held   [2]bool       // a chunk was read and waits for the end of a Hold; guarded by proxy.mu
	dead   chan struct{} // closed by resetLocked; guarded by proxy.mu
}

// chunk is a number of bytes and the time from which they may arrive.
type chunk struct {
	bytes []byte
	due   time.Time
}

var errCut = errors.New("cut")

// run serves the link until both sides have closed their direction, or it is reset.
func (l *link) run() {
	defer l.leave()
	if !l.open() {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pump(fromClient, l.client, l.server) })
	both.Go(func() { l.pump(fromServer, l.server, l.client) })
	both.Wait()
}

// leave closes both connections and removes the link from the proxy.
func (l *link) leave() {
	l.client.Close()
	if l.server != nil {
		l.server.Close()
	}
	l.proxy.change(func() { delete(l.proxy.links, l) })
}

// open connects to the server, as soon as the network lets a connection through.
func (l *link) open() bool {
	if !l.pass(fromClient) {
		return false
	}
	l.proxy.mu.Lock()
	target := l.proxy.target
	l.proxy.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), process.Patience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	if err != nil {
		_ = l.client.SetLinger(0)
		return false
	}
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.server = conn.(*net.TCPConn)
	return !l.isDead()
}

// pump carries bytes one way: one goroutine reads, one writes, so that latency does not limit the bytes in transit.
func (l *link) pump(way int, from, to *net.TCPConn) {
	chunks := make(chan chunk, 64)
	var err error
	go func() {
		defer close(chunks)
		err = l.read(way, from, chunks)
	}()
	for c := range chunks {
		if err := l.write(way, to, c); err != nil {
			l.cut()
			break
		}
	}
	for range chunks { // the reader may be blocked on a full channel
	}
	if !l.pass(way) { // an end passes like data
		return
	}
	if errors.Is(err, io.EOF) {
		_ = to.CloseWrite()
		return
	}
	l.cut()
}

// read reads from a side until it ends; io.EOF is a regular end.
func (l *link) read(way int, from *net.TCPConn, chunks chan<- chunk) error {
	for {
		if !l.pass(way) {
			return errCut
		}
		buf := make([]byte, 32<<10)
		n, err := from.Read(buf)
		if n > 0 {
			f := l.faults()
			delay := f.latency
			if half := delay / 2; half > 0 {
				delay += rand.N(2*half) - half
			}
			select {
			case chunks <- chunk{bytes: buf[:n], due: time.Now().Add(delay)}:
			case <-l.dead:
				return errCut
			}
		}
		if err != nil {
			return err
		}
	}
}

// write writes one chunk to a side, as the faults of the network allow.
func (l *link) write(way int, to *net.TCPConn, c chunk) error {
	if !l.sleep(time.Until(c.due)) {
		return errCut
	}
	for len(c.bytes) > 0 {
		if !l.passChunk(way) {
			return errCut
		}
		part, last, pause := l.proxy.allow(way, c.bytes)
		if watch := l.watch[way]; watch != nil && len(part) > 0 {
			watch(part)
		}
		if _, err := to.Write(part); err != nil || last {
			return errors.Join(errCut, err)
		}
		if !l.sleep(pause) {
			return errCut
		}
		c.bytes = c.bytes[len(part):]
	}
	return nil
}

// unread reports whether bytes have arrived that were not read: a link reads nothing of a direction that is held.
func unread(conn *net.TCPConn) (some bool) {
	if conn == nil {
		return false
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) { // it fails when the connection is closed
		n, _, _ := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		some = n > 0
	})
	return some
}

// allow returns how much of b may pass now, whether to cut the connection after it, and how long the next part waits.
func (p *Server) allow(way int, b []byte) (part []byte, last bool, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &p.faults
	n := len(b)
	if f.slice > 0 {
		n = min(n, f.slice)
	}
	if f.rate > 0 {
		n = min(n, max(1, f.rate/20))
		pause = time.Second * time.Duration(n) / time.Duration(f.rate)
	}
	if left := f.cut[way] - 1; left >= 0 {
		n = min(n, left)
		f.cut[way] -= n
		if last = n == left; last {
			f.cut[way] = 0
		}
	}
	return b[:n], last, pause
}

// pass waits while the direction is held. It returns false when the link is dead.
func (l *link) pass(way int) bool {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	return l.passLocked(way)
}

// passChunk is like pass, for a chunk that was read: Held reports it while it waits.
func (l *link) passChunk(way int) bool {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.held[way] = true
	defer func() { l.held[way] = false }()
	return l.passLocked(way)
}

func (l *link) passLocked(way int) bool {
	for l.proxy.faults.hold[way] && !l.isDead() {
		l.proxy.changed.Wait()
	}
	return !l.isDead()
}

// sleep waits for d. It returns false when the link is dead.
func (l *link) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-l.dead:
		return false
	}
}

func (l *link) faults() faults {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	return l.proxy.faults
}

// cut resets the link.
func (l *link) cut() {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.resetLocked()
}

// resetLocked closes both connections so that their peers get a reset, and wakes waiting goroutines. The caller holds proxy.mu.
func (l *link) resetLocked() {
	if l.isDead() {
		return
	}
	close(l.dead)
	for _, conn := range []*net.TCPConn{l.client, l.server} {
		if conn != nil {
			_ = conn.SetLinger(0)
			_ = conn.Close()
		}
	}
	l.proxy.changed.Broadcast()
}

func (l *link) isDead() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}
