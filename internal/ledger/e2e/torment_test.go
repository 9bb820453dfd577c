package e2e

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// tormentor injects faults into the daemon and the target of a pair. A seed determines its choices.
type tormentor struct {
	*pair
	rand    *rand.Rand
	kills   int
	writing int // kills of a daemon that had written
	crashes int
}

// copy starts the first daemon, kills it during its first copy, and then lets the copy end.
func (n *tormentor) copy() {
	n.launch()
	for range 2 {
		time.Sleep(200*time.Millisecond + time.Duration(n.rand.Int64N(int64(time.Second))))
		n.daemon.kill()
		n.launch()
	}
	n.streams()
}

// run injects faults until the time has passed, and until both a daemon that was writing and the target
// were hit.
func (n *tormentor) run(until time.Time) {
	last := until.Add(time.Minute)
	for now := time.Now(); now.Before(until) || now.Before(last) && (n.writing == 0 || n.crashes == 0); now = time.Now() {
		switch n.rand.IntN(9) {
		case 0, 1:
			n.crash()
		case 2:
			n.target.Exec(n.t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tailrace/%'")
		default:
			n.killOne()
		}
		if !n.daemon.running() {
			n.t.Fatalf("the daemon ended by itself: %s", n.daemon.logTail())
		}
		time.Sleep(time.Duration(n.rand.Int64N(int64(300 * time.Millisecond))))
	}
}

// killOne kills the daemon, mostly while it writes, otherwise at any point of its start.
func (n *tormentor) killOne() {
	if n.rand.IntN(4) > 0 && n.advances() {
		n.writing++
	}
	time.Sleep(time.Duration(n.rand.Int64N(int64(200 * time.Millisecond))))
	n.daemon.kill()
	n.kills++
	n.launch()
}

// crash kills all processes of the target at one moment, mostly while something is written.
func (n *tormentor) crash() {
	if n.rand.IntN(4) > 0 {
		n.advances()
	}
	if err := n.target.Crash(); err != nil {
		n.t.Fatal(err)
	}
	time.Sleep(time.Duration(n.rand.Int64N(int64(400 * time.Millisecond))))
	if err := n.target.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.crashes++
}

// advances waits a short time for the replica's position to grow, and reports whether it did.
func (n *tormentor) advances() bool {
	conn, err := pgx.Connect(n.t.Context(), n.target.URL())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close(context.Background()) }()
	had := ""
	for deadline := time.Now().Add(8 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var now string
		if err := conn.QueryRow(n.t.Context(), "SELECT coalesce(max(position), '0/0')::text FROM tailrace.progress").Scan(&now); err != nil {
			continue // not created yet
		}
		if had != "" && now != had {
			return true
		}
		had = now
	}
	return false
}
