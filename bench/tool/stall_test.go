package tool

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/bench/proc"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/internal/testenv"
)

// connected returns a job whose source has a TCP connection at its port, and no other part of a server.
func connected(t *testing.T, rows int) Job {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	s := &site.Site{Postgres: &testenv.PostgresServer{Port: listener.Addr().(*net.TCPAddr).Port}}
	return Job{From: &site.Backlog{Database: &site.Database{Site: s}, Rows: rows}}
}

// sleeping returns a program that does nothing.
func sleeping(t *testing.T, name string, j Job, stall *Stall) *Program {
	t.Helper()
	p := &Program{name: name, job: j, cmd: exec.Command("sleep", "60"), stall: stall}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return p
}

// A run whose rows stop is stopped with the position and the output of ss, if there is one.
func TestStalledRun(t *testing.T) {
	j := connected(t, 15_000)
	for name, want := range map[string]string{
		Tailrace:    "stalled at 3,000 of 15,000 rows: no progress for 200ms",
		RecvLogical: "stalled at 3,000 bytes of the output of 15,000 rows: no progress for 200ms",
	} {
		p, looks := sleeping(t, name, j, NewStall(200*time.Millisecond, nil)), 0
		p.progress = func() (float64, bool, error) {
			looks++
			return min(3000, 1000*float64(looks)), false, nil
		}
		err := p.Arrived(t.Context())
		if !errors.Is(err, ErrStalled) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: the end of the run is %v", name, err)
			continue
		}
		port := strconv.Itoa(j.From.Site.Postgres.Port)
		_, missing := exec.LookPath("ss")
		if strings.Contains(err.Error(), "; ss -tmni: ") != (missing == nil) || missing == nil && !strings.Contains(err.Error(), ":"+port) {
			t.Errorf("%s: what ss says of port %s is not in %v", name, port, err)
		}
	}
}

// A daemon that accepts connections and answers nothing has stalled, too.
func TestSilentDaemon(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p := sleeping(t, Tailrace, connected(t, 10), NewStall(time.Second, nil))
	p.progress = func() (float64, bool, error) { return acceptedRows(t.Context(), listener.Addr().String(), 10) }
	if err := p.Arrived(t.Context()); !errors.Is(err, ErrStalled) {
		t.Errorf("the end of the run is %v", err)
	}
}

// A walsender that still reads has not stalled, nor has a tool whose rows arrive slowly.
func TestSlowRun(t *testing.T) {
	const limit = 20 * time.Second
	for name, c := range map[string]struct {
		rows, wal int64 // that come every 15 s
		want      time.Duration
	}{
		"rows": {1, 0, 0}, "WAL": {0, 1, 0}, "both": {1, 1, 0}, "nothing": {0, 0, starting * limit},
	} {
		synctest.Test(t, func(t *testing.T) {
			began, got := time.Now(), time.Duration(0)
			turns := func() int64 { return int64(time.Since(began) / (15 * time.Second)) }
			s := NewStall(limit, func() int64 { return c.wal * turns() })
			for ; got == 0 && time.Since(began) < time.Hour; time.Sleep(Tick) {
				if s.Look(float64(c.rows * turns())) {
					got = time.Since(began)
				}
			}
			if got != c.want {
				t.Errorf("when %s grows, it is a stall after %s, want %s", name, got, c.want)
			}
		})
	}
}

// The limit counts from the highest progress so far, and from Started.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStall(time.Minute, nil)
		for _, c := range []struct {
			after  time.Duration
			amount float64
			want   bool
		}{{0, 5, false}, {50 * time.Second, 4, false}, {10 * time.Second, 4, true}, {0, 6, false}, {59 * time.Second, 6, false}, {time.Second, 6, true}} {
			time.Sleep(c.after)
			if got := s.Look(c.amount); got != c.want {
				t.Errorf("%v after %s: %t", c.amount, c.after, got)
			}
		}
		s = NewStall(time.Minute, nil)
		s.Look(0)
		time.Sleep(starting*time.Minute - time.Second)
		if s.Look(0) {
			t.Error("a tool that starts has stalled")
		}
		s.Started()
		time.Sleep(time.Minute - time.Second)
		if s.Look(0) {
			t.Error("a tool that has just started has stalled")
		}
		if time.Sleep(time.Second); !s.Look(0) {
			t.Error("a tool that has started may take longer than the limit")
		}
		unlimited := NewStall(0, nil)
		unlimited.Look(1)
		if time.Sleep(time.Hour); unlimited.Look(1) {
			t.Error("there is a stall without a limit")
		}
	})
}

// A tool stopped by a signal does not handle SIGTERM. The command must not wait for it.
func TestStoppedToolIsKilled(t *testing.T) {
	p := sleeping(t, Tailrace, Job{}, nil)
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !stopped(t, p.Pid()) { // until then SIGTERM would come first
		time.Sleep(time.Millisecond)
	}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 100 * time.Millisecond
	began := time.Now()
	if p.end(); time.Since(began) > 30*time.Second || !proc.Ended(p.Pid()) {
		t.Errorf("it is there after %s", time.Since(began))
	}
}

// stopped reports whether a process is stopped by a signal.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), ") T ")
}
