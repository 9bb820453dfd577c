package admin

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Only so many tails run at a time, and one that has ended makes room.
func TestTailsAreBounded(t *testing.T) {
	p, ring := tailed(t, healthy("orders"))
	add(ring, 0, 1, `1`)
	c := serveTail(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	began, ended := make(chan struct{}), make(chan struct{})
	for range tails {
		go func() {
			_ = c.Tail(ctx, "orders", token, TailQuery{N: 1, Follow: true}, func([]byte, *TailLine) error { began <- struct{}{}; return nil })
			ended <- struct{}{}
		}()
		<-began
	}
	if _, err := collect(t, c, TailQuery{}, 0, nil); err == nil || !strings.Contains(err.Error(), "8 tails are running already") {
		t.Errorf("one more: %v", err)
	}
	cancel()
	for range tails {
		<-ended
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := collect(t, c, TailQuery{}, 0, nil); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// A tail outlives the times that the server sets for short responses, and ends when the server shuts down.
func TestTailEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ring := tailed(t, healthy("orders"))
		l := newPipes()
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- newServer(p).Serve(ctx, l) }()
		here, there := net.Pipe()
		l.conns <- there
		io.WriteString(here, "GET /api/v1/pipelines/orders/tail?follow=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+token+"\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(here), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		time.Sleep(10 * (readTimeout + writeTimeout))
		lines := bufio.NewScanner(resp.Body)
		add(ring, 0, 1, `1`)
		if !lines.Scan() || !strings.Contains(lines.Text(), `"seq":0`) {
			t.Fatalf("%q %v", lines.Text(), lines.Err())
		}
		began := time.Now()
		cancel()
		if !lines.Scan() || lines.Text() != `{"end":"the daemon is shutting down"}` || lines.Scan() {
			t.Errorf("%q", lines.Text())
		}
		if err := <-ended; err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		here.Close()
	})
}

// A client that takes nothing holds up neither the shutdown nor, for long, another tail.
func TestAClientThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ring := tailed(t, healthy("orders"))
		add(ring, 0, 20, `"`+strings.Repeat("x", 8_000)+`"`)
		l := newPipes()
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		s := newServer(p)
		go func() { ended <- s.Serve(ctx, l) }()
		for range 2 {
			here, there := net.Pipe()
			l.conns <- there
			io.WriteString(here, "GET /api/v1/pipelines/orders/tail?n=20&follow=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+token+"\r\n\r\n")
			synctest.Wait()
			if len(s.tails) != 1 {
				t.Fatalf("%d tails", len(s.tails))
			}
			if ctx.Err() == nil {
				time.Sleep(stallTimeout + time.Second)
				synctest.Wait()
				if len(s.tails) != 0 {
					t.Error("it still has its place")
				}
			}
			defer here.Close()
		}
		began := time.Now()
		cancel()
		if err := <-ended; err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
