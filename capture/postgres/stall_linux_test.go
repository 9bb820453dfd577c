//go:build linux

package postgres

import (
	"fmt"
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/internal/testenv"
)

// stallBuffer makes a window that is smaller than half of the one that a narrow connection begins with. That half is what a
// segment of the server may have.
const stallBuffer = conn.NarrowBuffer / 4

// A stream whose window is smaller than the server's segments stalls; that is detected and ended within seconds, over TCP
// and over TLS. The test provokes the stall: the segments are not limited, nothing is read until the server's kernel
// accepts no more data, and then the window is made small. The data in the kernel at that point is in segments of full
// length, none of which fits.
func TestStallEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	defer func(was int) { conn.MaxSegment = was }(conn.MaxSegment)
	conn.MaxSegment = 0
	d := newDrained(t, testenv.Postgres(t, testenv.TLS()),
		"INSERT INTO t (v) SELECT repeat('x', 300 + g % 700) FROM generate_series(1, 40000) g") // about 30 MB
	for _, over := range []string{"tcp", "tls"} {
		for _, noticed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, noticed %t", over, noticed), func(t *testing.T) {
				limit := 30 * time.Second
				if !noticed {
					defer func(was int) { conn.StallRun = was }(conn.StallRun)
					conn.StallRun, limit = math.MaxInt, 3*time.Second // it would take minutes
				}
				took, stalls, err := d.read(t, reader{over: over, begun: func(s *stream) { d.narrow(t, s) }}, limit)
				switch {
				case !noticed && err == nil:
					t.Errorf("the stream did not stall: this tests nothing (read in %s)", took)
				case noticed && err != nil:
					t.Errorf("the stall never ended: %v", err)
				case noticed && (stalls == 0 || took > 5*time.Second):
					t.Errorf("%d stalls, read in %s", stalls, took)
				}
			})
		}
	}
}

// narrow makes the window of a stream of which nothing is read yet too small, when its walsender is blocked.
func (d *drained) narrow(t *testing.T, s *stream) {
	t.Helper()
	waits := fmt.Sprintf("SELECT wait_event FROM pg_stat_activity WHERE pid = %d", s.pid)
	for end := time.Now().Add(time.Minute); d.server.Query(t, d.db, waits) != "WalSenderWriteData"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server goes on sending")
		}
	}
	if err := unix.SetsockoptInt(s.socket.Conn.(*conn.RawConn).FD, unix.SOL_SOCKET, unix.SO_RCVBUF, stallBuffer); err != nil {
		t.Error(err)
	}
}
