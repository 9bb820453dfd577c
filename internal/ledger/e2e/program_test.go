package e2e

import (
	"os/exec"

	"github.com/tailrace/tailrace/internal/ledger"
)

// program is the program under test.
type program interface {
	// command returns the n-th process, not yet started.
	command(r *rig, n int) *exec.Cmd
	// ready waits until the first process streams.
	ready(r *rig, d *daemon)
	// slot is the name of its replication slot.
	slot() string
	// ended is called for a process that has ended by itself.
	ended(r *rig, d *daemon)
	// woken is called for a process that was stopped until another one had taken over, and now runs again.
	woken(r *rig, d *daemon)
	// sample reads what a process uses. A figure that is not available is -1.
	sample(r *rig, d *daemon) ledger.Sample
	// drained is called when the slot reports that everything is durable, and may check more.
	drained(r *rig, d *daemon)
}
