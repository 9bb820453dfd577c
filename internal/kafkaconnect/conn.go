package kafkaconnect

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"

	"github.com/IBM/sarama"
)

// Conn is a connection to one broker that can be cut at any moment: sarama's own Close waits for a send that is in progress.
type Conn struct {
	*sarama.Broker
	raw     rawConn
	cluster *Cluster
}

// Dial connects to addr and authenticates. ctx applies to the call only. The error is a *capture.Problem.
func (c *Cluster) Dial(ctx context.Context, addr string) (*Conn, error) {
	k, err := c.connect(ctx, addr)
	if err != nil {
		return nil, dialProblem(addr, err)
	}
	return k, nil
}

func (c *Cluster) connect(ctx context.Context, addr string) (*Conn, error) {
	conf := *c.Config
	k := &Conn{Broker: sarama.NewBroker(addr), cluster: c}
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
		k.Kill()
		return nil, errors.Join(context.Cause(ctx), err, notConnected(err))
	}
	return k, nil
}

// Stream returns what sarama writes to: the socket, or TLS over it. The caller may use it while sarama has no request in
// flight on it.
func (k *Conn) Stream() net.Conn { return k.raw.top }

func notConnected(err error) error {
	if err == nil {
		return sarama.ErrNotConnected
	}
	return nil
}

// Kill closes the socket at once. Pending requests fail, on a goroutine of sarama's, for which Cluster.Close waits. Kill of a
// nil Conn does nothing.
func (k *Conn) Kill() {
	if k == nil {
		return
	}
	k.raw.cut()
	c := k.cluster
	c.knownMu.Lock()
	defer c.knownMu.Unlock()
	if c.closing == nil {
		c.closing = &sync.WaitGroup{}
	}
	c.closing.Go(func() { _ = k.Close() }) // waits for a send in progress, which fails now
}

// rawConn is the dialer that sarama uses; it keeps the socket.
type rawConn struct {
	dialer net.Dialer
	tls    *tls.Config     // nil: plaintext
	ctx    context.Context // of the dial
	top    net.Conn        // what sarama writes to: the socket or TLS over it

	mu   sync.Mutex // guards what follows
	sock net.Conn
	dead bool
}

// Dial implements the Dialer of sarama's proxy settings.
func (r *rawConn) Dial(network, addr string) (net.Conn, error) {
	sock, err := r.dialer.DialContext(r.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if err := r.keep(sock); err != nil {
		return nil, err
	}
	if r.top = sock; r.tls != nil {
		r.top, err = r.handshake(sock, addr)
	}
	return r.top, err
}

// handshake runs the TLS handshake, which ends when the socket is cut.
func (r *rawConn) handshake(sock net.Conn, addr string) (net.Conn, error) {
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
