package e2e

import (
	"os/exec"

	"github.com/tailrace/tailrace/internal/ledger"
)

// program is what is under test.
type program interface {
	// command makes the n-th process, which is not started yet.
	command(r *rig, n int) *exec.Cmd
	// ready waits until the first process streams.
	ready(r *rig, d *daemon)
	// slot is the name of its replication slot.
	slot() string
	// ended is told of a process that has ended by itself.
	ended(r *rig, d *daemon)
	// woken is told of a process that was stopped until another one had taken over, and goes on now.
	woken(r *rig, d *daemon)
	// sample reads what a process uses. A figure that it does not tell is -1.
	sample(r *rig, d *daemon) ledger.Sample
	// drained is called when the slot says that all is held, and may look further.
	drained(r *rig, d *daemon)
}
