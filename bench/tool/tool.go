// Package tool runs the programs that are measured, one at a time, each on a slot of its own: tailrace, pg_recvlogical and
// Debezium in Kafka Connect.
package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/bench/proc"
	"github.com/tailrace/tailrace/bench/site"
)

// The tools.
const (
	Tailrace    = "tailrace"
	Plain       = "tailrace, plain reads" // the same program with blocking reads, for what the mark brings
	RecvLogical = "pg_recvlogical"
	Debezium    = "debezium"
)

// Job says what a tool has to do.
type Job struct {
	Name   string // unique, [a-z0-9_]: the slot's, and the beginning of every topic's
	From   *site.Backlog
	Over   site.Transport
	Sink   Sink
	Lively bool // Debezium: tuned for latency, not for throughput
	Delays bool // tailrace into nothing: measure how long commits take to come
}

// Program is a tool that runs.
type Program struct {
	job  Job
	cmd  *exec.Cmd
	log  string
	dir  string
	stop syscall.Signal
	// progress says how far it has come, in a measure that grows with the rows, and whether all rows are there.
	progress func() (amount float64, done bool, err error)
	began    time.Time
}

// Start starts a tool of Binaries on the job's slot, which must stand already.
func (b *Binaries) Start(ctx context.Context, name string, j Job) (p *Program, err error) {
	p = &Program{job: j, stop: syscall.SIGTERM, dir: filepath.Join(j.From.Site.Dir, j.Name)}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, err
	}
	p.log = filepath.Join(p.dir, "log")
	if err := j.topics(); err != nil {
		return nil, err
	}
	switch name {
	case Tailrace, Plain:
		var binary string
		if binary, err = b.daemon(ctx, j.Sink, name == Plain); err == nil {
			err = p.tailrace(ctx, binary, b.profiles)
		}
	case RecvLogical:
		p.recvLogical(ctx)
	case Debezium:
		err = p.debezium(ctx)
	default:
		err = fmt.Errorf("there is no tool %q", name)
	}
	if err != nil {
		return nil, err
	}
	return p, p.start()
}

func (p *Program) start() error {
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	p.cmd.Stderr = log
	p.cmd.Dir = p.dir
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(p.stop) }
	p.cmd.WaitDelay = 15 * time.Second
	p.began = time.Now()
	return p.cmd.Start()
}

// Pid is the tool's process.
func (p *Program) Pid() int { return p.cmd.Process.Pid }

// failed is what a tool that has ended too early leaves.
func (p *Program) failed() error {
	text, _ := os.ReadFile(p.log)
	return fmt.Errorf("it ended by itself: %s", text[max(0, len(text)-1500):])
}

// Await waits until the tool streams from its slot, and says which walsender serves it; 0: the tool is done already.
func (p *Program) Await(ctx context.Context) (sender int, err error) {
	for {
		if sender = p.job.From.Sender(ctx, p.job.Name); sender != 0 {
			return sender, nil
		}
		if proc.Ended(p.Pid()) {
			if _, done, _ := p.progress(); done {
				return 0, nil // it was faster than we look
			}
			return 0, p.failed()
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the stream: %w", context.Cause(ctx))
		case <-time.After(tick):
		}
	}
}

// Arrived waits until the tool has all rows of the job.
func (p *Program) Arrived(ctx context.Context) error {
	for {
		ended := proc.Ended(p.Pid()) // before the question: it may end in between, done
		_, done, err := p.progress()
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case ended:
			return p.failed()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the rows: %w", context.Cause(ctx))
		case <-time.After(tick):
		}
	}
}

// Stop ends the tool and removes what it had: slot, topics, files.
func (p *Program) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_ = p.cmd.Cancel()
	_ = p.cmd.Wait()
	err := p.job.From.DropSlot(ctx, p.job.Name)
	if p.job.Sink.Kind == Kafka {
		if gone := p.job.From.Site.DropTopics(p.job.Name); err == nil {
			err = gone
		}
	}
	if gone := os.RemoveAll(p.dir); err == nil {
		err = gone
	}
	return err
}
