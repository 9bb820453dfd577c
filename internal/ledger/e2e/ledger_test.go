package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger"
)

// TestLedger runs the daemon under the nemesis for a minute and applies the oracles. TAILRACE_SOAK, such as "30m",
// makes it longer (`make soak`); TAILRACE_SEED sets the seed of an earlier run.
func TestLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, err := range (trial{
		program: build(t),
		prepare: func(*rig, *pgx.Conn) {},
		seed:    seed(t),
		rate:    250,
		busy:    true,
		least:   duration(t),
		plan: plan{
			kill: 22, freeze: 2, holdBroker: 2, crashPostgres: 3, restartBroker: 2, terminateSender: 2, cut: 2,
		},
		slack: ledger.Slack{Goroutines: 10, Descriptors: 8, RSS: 100 << 20},
	}).run(t) {
		t.Error(err)
	}
}

func duration(t *testing.T) time.Duration {
	text := os.Getenv("TAILRACE_SOAK")
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("TAILRACE_SOAK: %v", err)
	}
	return d
}

func seed(t *testing.T) uint64 {
	text := os.Getenv("TAILRACE_SEED")
	if text == "" {
		return rand.Uint64N(1e6)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("TAILRACE_SEED: %v", err)
	}
	return n
}
