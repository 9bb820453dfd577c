package replica

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/bench/proc"
	"github.com/tailrace/tailrace/bench/tool"
)

// watch samples what a run uses: the program, its walsender, and the target's backends without those of the harness.
type watch struct {
	job      tool.Job
	program  program
	cpu      map[int]time.Duration // of each backend and walsender seen so far
	backends map[int]bool
	sender   int
	looked   int
	peak     int64 // bytes
}

func newWatch(j tool.Job, p program) *watch {
	return &watch{job: j, program: p, cpu: map[int]time.Duration{}, backends: map[int]bool{}}
}

// find looks for new processes.
func (w *watch) find(ctx context.Context) error {
	if pid := w.job.From.Sender(ctx, w.job.Name); pid != 0 {
		w.sender = pid
	}
	var pids []int
	err := w.job.Into.Row(ctx, `SELECT coalesce(array_agg(pid), '{}') FROM pg_stat_activity WHERE datname = current_database()
		AND pid <> pg_backend_pid() AND (backend_type = 'client backend' OR backend_type LIKE 'logical replication %')`, nil, &pids)
	for _, pid := range pids {
		w.backends[pid] = true
	}
	return err
}

// await waits until the walsender streams.
func (w *watch) await(ctx context.Context, limit time.Duration) error {
	for stall := w.job.NewStall(ctx, limit); w.sender == 0; {
		if _, err := w.takeSample(ctx, 0); err != nil {
			return err
		}
		if err := w.program.Look(); err != nil {
			return err
		}
		if stall.Look(0) {
			return w.job.WithSockets(ctx, fmt.Errorf("%w: no stream for its slot", stall.Err(w.job.From.Rows)))
		}
		if err := tool.Pause(ctx, "wait for the stream"); err != nil {
			return err
		}
	}
	return nil
}

// takeSample takes a sample.
func (w *watch) takeSample(ctx context.Context, amount float64) (s tool.Sample, err error) {
	if w.sender == 0 || len(w.backends) == 0 || w.looked%25 == 0 {
		if err := w.find(ctx); err != nil {
			return s, err
		}
	}
	w.looked++
	s = tool.Sample{At: time.Now(), Amount: amount, Sender: w.used(w.sender), Broker: proc.CPU(w.job.From.Site.BrokerPid())}
	for pid := range w.backends {
		s.Target += w.used(pid)
		if w.program.Pid() == 0 {
			w.peak = max(w.peak, proc.Anonymous(pid))
		}
	}
	if pid := w.program.Pid(); pid != 0 {
		s.Tool = w.used(pid)
		w.peak = max(w.peak, proc.Peak(pid))
	}
	return s, nil
}

// used returns the CPU time of a process. What it used before it ended is kept.
func (w *watch) used(pid int) time.Duration {
	if pid != 0 {
		w.cpu[pid] = max(w.cpu[pid], proc.CPU(pid))
	}
	return w.cpu[pid]
}
