package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv/ports"
	"github.com/tailrace/tailrace/internal/testenv/process"
)

// start starts a proxy that ends with the test.
func start(t *testing.T, target string) *Server {
	t.Helper()
	p, err := Start(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// echo accepts connections and sends back what they send.
func echo(t *testing.T) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(process.Patience))
	return conn.(*net.TCPConn)
}

func exchange(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	answer := make([]byte, len(text))
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != text {
		t.Fatalf("sent %q, got back %q, %v", text, answer, err)
	}
}

// silent fails when a byte or an end arrives. It waits for a limited time, so it may pass wrongly but never fails wrongly.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v through a held network", n, err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(process.Patience))
}

func TestProxyPassesEveryByteInOrder(t *testing.T) {
	for name, fault := range map[string]func(*Server){
		"healthy": func(*Server) {},
		"sliced":  func(p *Server) { p.SliceTo(7) },
		"slow":    func(p *Server) { p.SlowTo(1 << 20) },
		"late":    func(p *Server) { p.Latency(20 * time.Millisecond) },
		"held for a while": func(p *Server) {
			p.Hold()
			time.AfterFunc(50*time.Millisecond, func() { _ = p.Heal() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, echo(t))
			conn := dial(t, p.Addr())
			exchange(t, conn, "hello")
			sent := make([]byte, 256<<10)
			for i := range sent {
				sent[i] = byte(i>>8) ^ byte(i)
			}
			fault(p)
			go func() {
				_, _ = conn.Write(sent)
				_ = conn.CloseWrite()
			}()
			if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, sent) {
				t.Fatalf("got %d of %d bytes, %v", len(got), len(sent), err)
			}
		})
	}
}

func TestProxyHoldsUntilHealed(t *testing.T) {
	p := start(t, echo(t))
	conn := dial(t, p.Addr())
	exchange(t, conn, "before")
	p.Hold()
	if _, err := conn.Write([]byte("held")); err != nil {
		t.Fatal(err)
	}
	fresh := dial(t, p.Addr())
	silent(t, conn)
	silent(t, fresh)
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	if got := make([]byte, 4); true {
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "held" {
			t.Fatalf("got %q, %v after healing", got, err)
		}
	}
	exchange(t, conn, "after")
	exchange(t, fresh, "fresh")
}

func TestProxyTellsWhatItHolds(t *testing.T) {
	for name, c := range map[string]struct {
		before            string
		hold              func(*Server)
		requests, replies bool
	}{
		"a connection in use": {"before", (*Server).Hold, true, false},
		"a new connection":    {"", (*Server).Hold, true, false}, // of which the proxy reads nothing yet
		"an answer":           {"before", (*Server).HoldReplies, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, echo(t))
			conn := dial(t, p.Addr())
			exchange(t, conn, c.before)
			c.hold(p)
			if c.before == "" {
				conn = dial(t, p.Addr())
			}
			held := func() bool {
				requests, replies := p.Held()
				return requests == c.requests && replies == c.replies
			}
			if held() {
				t.Error("nothing was sent, and something is held")
			}
			if _, err := conn.Write([]byte("held")); err != nil {
				t.Fatal(err)
			}
			for began := time.Now(); !held(); time.Sleep(time.Millisecond) {
				if time.Since(began) > process.Patience {
					t.Fatal("something was sent, and it is not held")
				}
			}
			if err := p.Heal(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, len("held"))); err != nil {
				t.Fatal(err)
			}
			if c.hold(p); held() {
				t.Error("all has passed, and something is held")
			}
		})
	}
}

func TestProxyHoldsRepliesOnly(t *testing.T) {
	p := start(t, echo(t))
	var mu sync.Mutex
	var asked, answered bytes.Buffer
	p.Watch(func(int) (client, server func([]byte)) {
		record := func(b *bytes.Buffer) func([]byte) {
			return func(text []byte) {
				mu.Lock()
				defer mu.Unlock()
				b.Write(text)
			}
		}
		return record(&asked), record(&answered)
	})
	conn := dial(t, p.Addr())
	exchange(t, conn, "1")
	p.HoldReplies()
	if _, err := conn.Write([]byte("2")); err != nil {
		t.Fatal(err)
	}
	silent(t, conn)
	mu.Lock()
	defer mu.Unlock()
	if asked.String() != "12" || answered.String() != "1" {
		t.Fatalf("%q passed to the server and %q back, want 12 and 1", asked.String(), answered.String())
	}
}

func TestProxyCuts(t *testing.T) {
	p := start(t, echo(t))
	conn := dial(t, p.Addr())
	exchange(t, conn, "before")
	p.Cut()
	wantReset(t, conn, 0)

	conn = dial(t, p.Addr())
	exchange(t, conn, "again")
	p.CutReplyAfter(3)
	if _, err := conn.Write([]byte("in mid message")); err != nil {
		t.Fatal(err)
	}
	wantReset(t, conn, 3)
	exchange(t, dial(t, p.Addr()), "only one")

	conn = dial(t, p.Addr())
	exchange(t, conn, "before")
	p.Hold()
	p.Cut()
	wantReset(t, conn, 0)
}

// wantReset reads up to the end, which must be a reset after at most n bytes: it may overtake them.
func wantReset(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	got, err := io.ReadAll(conn)
	if !errors.Is(err, syscall.ECONNRESET) || len(got) > n {
		t.Fatalf("read %q, %v, want at most %d bytes and a reset", got, err, n)
	}
}

func TestProxyRefusesWhileDown(t *testing.T) {
	p := start(t, echo(t))
	conn := dial(t, p.Addr())
	exchange(t, conn, "before")
	p.Down()
	wantReset(t, conn, 0)
	if _, err := net.Dial("tcp4", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("dialling: %v, want a refusal", err)
	}
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	p.SetTarget(echo(t))
	exchange(t, dial(t, p.Addr()), "after")
}

func TestProxyTellsTheClientThatNobodyListens(t *testing.T) {
	free, err := ports.Take()
	if err != nil {
		t.Fatal(err)
	}
	defer free.Release()
	conn, err := net.Dial("tcp4", start(t, free.Addr()).Addr())
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("got %v, want a reset", err)
	}
}
