// Package e2e runs the ledger's workload through a whole pipeline, from a real Postgres into a real Kafka or another
// Postgres, under faults, and checks the result with the oracles.
package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// refBugEnv makes a process of this test binary run a reference pipeline instead of tests; its value is the bug.
const refBugEnv = "LEDGER_LINE"

func TestMain(m *testing.M) {
	if bug := os.Getenv(refBugEnv); bug != "" {
		err := runRefPipeline(context.Background(), os.Args[1], os.Args[2], bug)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testenv.Main(m)
}
