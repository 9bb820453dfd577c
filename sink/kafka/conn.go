package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"

	"github.com/IBM/sarama"
)

// conn is one connection to one broker, ours to cut at any moment: sarama's own Close waits for a send that is under way.
type conn struct {
	*sarama.Broker
	raw rawConn
}

// dial connects to addr and authenticates. The ctx is for the call only. The error is a *capture.Problem.
func (c *cluster) dial(ctx context.Context, addr string) (*conn, error) {
	k, err := c.connect(ctx, addr)
	if err != nil {
		return nil, dialed(addr, err)
	}
	return k, nil
}

func (c *cluster) connect(ctx context.Context, addr string) (*conn, error) {
	conf := *c.conf
	k := &conn{Broker: sarama.NewBroker(addr)}
	k.raw.dialer = net.Dialer{Timeout: conf.Net.DialTimeout, KeepAlive: conf.Net.KeepAlive}
	k.raw.ctx, k.raw.tls = ctx, c.tls
	conf.Net.Proxy.Enable, conf.Net.Proxy.Dialer = true, &k.raw
	stop := context.AfterFunc(ctx, k.raw.cut)
	defer stop()
	if err := k.Open(&conf); err != nil {
		return nil, err
	}
	ok, err := k.Connected()
	if !ok {
		k.kill()
		return nil, errors.Join(context.Cause(ctx), err, notConnected(err))
	}
	return k, nil
}

func notConnected(err error) error {
	if err == nil {
		return sarama.ErrNotConnected
	}
	return nil
}

// kill cuts the socket at once. Requests that wait fail, in a goroutine of sarama's. A nil conn is dead already.
func (k *conn) kill() {
	if k == nil {
		return
	}
	k.raw.cut()
	go k.Close() // waits for a send that is under way, and that ends now
}

// rawConn dials as sarama asks and keeps the socket.
type rawConn struct {
	dialer net.Dialer
	tls    *tls.Config     // nil: plaintext
	ctx    context.Context // of the dial
	top    net.Conn        // what sarama writes to: the socket or TLS over it
	mu     sync.Mutex
	sock   net.Conn
	dead   bool
}

// Dial implements the Dialer that sarama asks for.
func (r *rawConn) Dial(network, addr string) (net.Conn, error) {
	sock, err := r.dialer.DialContext(r.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if err := r.keep(sock); err != nil {
		return nil, err
	}
	if r.top = sock; r.tls != nil {
		r.top, err = r.secure(sock, addr)
	}
	return r.top, err
}

// secure shakes hands; a socket that is cut ends it.
func (r *rawConn) secure(sock net.Conn, addr string) (net.Conn, error) {
	conf := r.tls
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName, _, _ = net.SplitHostPort(addr)
	}
	ctx, stop := context.WithTimeout(r.ctx, r.dialer.Timeout)
	defer stop()
	c := tls.Client(sock, conf)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, sock.Close())
	}
	return c, nil
}

func (r *rawConn) keep(sock net.Conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return errors.Join(net.ErrClosed, sock.Close())
	}
	r.sock = sock
	return nil
}

func (r *rawConn) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = true
	if r.sock != nil {
		r.sock.Close()
	}
}
