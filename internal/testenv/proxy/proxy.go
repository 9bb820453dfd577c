// Package proxy makes the network between a client and a server fail.
package proxy

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/tailrace/tailrace/internal/testenv/ports"
)

// Server stands between a client and a server and makes the network between them fail. It never reorders or loses
// bytes of a connection that it does not cut. Its methods may be called from any goroutine.
type Server struct {
	port *ports.Port

	mu       sync.Mutex
	changed  *sync.Cond // faults or the set of links changed
	listener net.Listener
	target   string
	faults   faults
	links    map[*link]bool
	count    int
	watch    Watcher
}

// A Watcher is called for each new connection, numbered from 1, and returns the functions that see the bytes from the client
// and from the server (nil: none). These are called before the bytes go on, one call at a time per direction, and must not
// keep the slice. They may call the proxy: bytes that come with a Cut do not pass. The Watcher itself must not.
type Watcher func(conn int) (client, server func([]byte))

// faults is the current behavior of the network; the zero value is a healthy network.
type faults struct {
	hold    [2]bool // by direction
	rate    int     // bytes per second, per connection and direction; 0: no limit
	slice   int     // most bytes in one write; 0: no limit
	latency time.Duration
	cut     [2]int // bytes left until the connection is cut, plus one; 0: never
}

// Start starts a proxy to the server at target ("host:port"). The caller closes it.
func Start(target string) (*Server, error) {
	port, err := ports.Take()
	if err != nil {
		return nil, err
	}
	p := &Server{port: port, target: target, links: map[*link]bool{}}
	p.changed = sync.NewCond(&p.mu)
	if err := p.listen(); err != nil {
		port.Release()
		return nil, err
	}
	return p, nil
}

// Addr returns the address for clients: "127.0.0.1:port".
func (p *Server) Addr() string { return p.port.Addr() }

// SetTarget sends connections made from now on to another server.
func (p *Server) SetTarget(target string) { p.change(func() { p.target = target }) }

// Watch shows the bytes of all connections made from now on to w.
func (p *Server) Watch(w Watcher) { p.change(func() { p.watch = w }) }

// Hold turns the network into a black hole: no byte passes in either direction, and no side is notified. New connections
// are accepted but not served. After Heal the held bytes pass.
func (p *Server) Hold() { p.change(func() { p.faults.hold = [2]bool{true, true} }) }

// Held reports whether Hold or HoldReplies keeps back bytes that a client or a server has sent.
func (p *Server) Held() (requests, replies bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		requests = requests || p.faults.hold[fromClient] && (l.held[fromClient] || unread(l.client))
		replies = replies || p.faults.hold[fromServer] && (l.held[fromServer] || unread(l.server))
	}
	return requests, replies
}

// HoldReplies holds what the server sends. The server still receives everything, so it executes requests whose
// acknowledgement the client does not see.
func (p *Server) HoldReplies() { p.change(func() { p.faults.hold[fromServer] = true }) }

// SlowTo limits each connection to bytesPerSecond in each direction.
func (p *Server) SlowTo(bytesPerSecond int) { p.change(func() { p.faults.rate = bytesPerSecond }) }

// SliceTo passes at most n bytes at a time.
func (p *Server) SliceTo(n int) { p.change(func() { p.faults.slice = n }) }

// Latency delays each byte by d, each way, up to half of it more or less at random.
func (p *Server) Latency(d time.Duration) { p.change(func() { p.faults.latency = d }) }

// CutReplyAfter cuts a connection once n more bytes from a server have passed, even in the middle of a message.
func (p *Server) CutReplyAfter(n int) { p.change(func() { p.faults.cut[fromServer] = n + 1 }) }

// CutRequestAfter cuts a connection once n more bytes from a client have passed.
func (p *Server) CutRequestAfter(n int) { p.change(func() { p.faults.cut[fromClient] = n + 1 }) }

// Cut resets all connections. Bytes in transit are lost. New connections are served.
func (p *Server) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.resetLocked()
	}
}

// Down resets all connections and refuses new ones until Heal.
func (p *Server) Down() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.Cut()
}

// Heal ends all faults. Connections that were not cut go on.
func (p *Server) Heal() error {
	p.change(func() { p.faults = faults{} })
	return p.listen()
}

// Close stops the proxy and its connections.
func (p *Server) Close() {
	p.Down()
	p.mu.Lock()
	for len(p.links) > 0 {
		p.changed.Wait()
	}
	p.mu.Unlock()
	p.port.Release()
}

func (p *Server) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.changed.Broadcast()
}

// listen accepts connections, unless it does already.
func (p *Server) listen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp4", p.Addr())
	if err != nil {
		return fmt.Errorf("listen for proxy: %w", err)
	}
	p.listener = listener
	go p.accept(listener)
	return nil
}

func (p *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.serve(conn.(*net.TCPConn), listener)
		}
	}
}

// serve makes a link of a client's connection, unless the proxy has gone down in between.
func (p *Server) serve(client *net.TCPConn, listener net.Listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &link{proxy: p, client: client, dead: make(chan struct{})}
	if p.listener != listener {
		l.resetLocked()
		return
	}
	p.count++
	if p.watch != nil {
		l.watch[fromClient], l.watch[fromServer] = p.watch(p.count)
	}
	p.links[l] = true
	go l.run()
}
