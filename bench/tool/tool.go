// Package tool runs the programs to be measured, one at a time: tailrace, pg_recvlogical and Debezium in Kafka Connect,
// each on a slot of its own; Debezium's JDBC sink, on a topic; and kafka-producer-perf-test, which reads nothing.
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
	Plain       = "tailrace, plain reads" // the same program with blocking reads, to measure the gain of pauses
	RecvLogical = "pg_recvlogical"
	Debezium    = "debezium"
	JDBC        = "debezium jdbc" // its sink for databases
	// ProducerPerf is Kafka's own kafka-producer-perf-test: how fast the broker accepts records of a size.
	ProducerPerf = "producer-perf"
)

// ReadsWAL reports whether a tool needs a slot.
func ReadsWAL(name string) bool { return name != JDBC && name != ProducerPerf }

// Job describes the work of a tool.
type Job struct {
	Name   string // unique, [a-z0-9_]: the name of the slot, and the prefix of every topic
	From   *site.Backlog
	Over   site.Transport
	Sink   Sink
	Lively bool           // Debezium: tuned for latency, not for throughput
	Delays bool           // tailrace into nothing: measure the latency of commits
	Keep   bool           // the topics stay when the tool stops
	Into   *site.Database // of the sink Tables, and of the JDBC sink
	Feed   string         // of the JDBC sink: the topic that it reads
	// RecordBytes is the size of a value, of ProducerPerf.
	RecordBytes int
}

// Program is a tool that runs.
type Program struct {
	name string
	job  Job
	cmd  *exec.Cmd
	log  string
	dir  string
	// listen is the address of tailrace's API.
	listen string
	stop   syscall.Signal
	// progress returns how far the tool has come, in a measure that grows with the rows, and whether all rows have arrived.
	progress func() (amount float64, done bool, err error)
	// findFailure asks a tool that keeps running after a failure; nil: it exits, or progress has the error. See checkFailure.
	findFailure func() error
	asked       time.Time // when that was
	began       time.Time
	stall       *Stall
}

// Start starts a tool of Binaries on the job's slot, which must exist already.
func (b *Binaries) Start(ctx context.Context, name string, j Job) (p *Program, err error) {
	p = &Program{name: name, job: j, stop: syscall.SIGTERM, dir: filepath.Join(j.From.Site.Dir, j.Name)}
	p.stall = j.NewStall(ctx, b.stall)
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
	case JDBC:
		err = p.jdbc(ctx)
	case ProducerPerf:
		err = p.producerPerf(ctx)
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
	p.cmd.WaitDelay = grace
	p.began = time.Now()
	return p.cmd.Start()
}

// Pid returns the tool's process.
func (p *Program) Pid() int { return p.cmd.Process.Pid }

// Look reports why the tool cannot go on; nil: it can.
func (p *Program) Look() error {
	if proc.Ended(p.Pid()) {
		return p.failed()
	}
	if err := p.checkFailure(); err != nil {
		return err
	}
	_, _, err := p.progress()
	return err
}

// checkFailure asks at most once per second, because the answer costs the tool some CPU.
func (p *Program) checkFailure() error {
	if p.findFailure == nil || time.Since(p.asked) < time.Second {
		return nil
	}
	p.asked = time.Now()
	return p.findFailure()
}

// failed returns the error of a tool that has ended too early.
func (p *Program) failed() error {
	text, _ := os.ReadFile(p.log)
	return fmt.Errorf("it ended by itself: %s", text[max(0, len(text)-1500):])
}

// grace is how long a program may take to end before it is killed.
const grace = 15 * time.Second

// Tick is the interval at which a tool is sampled.
const Tick = 20 * time.Millisecond

// Pause waits for the next Tick. When ctx ends, the error contains what the caller waits for.
func Pause(ctx context.Context, what string) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	case <-time.After(Tick):
		return nil
	}
}

// Await waits until the tool streams from its slot, and returns the walsender that serves it; 0: the tool is done already.
func (p *Program) Await(ctx context.Context) (sender int, err error) {
	for {
		if sender = p.job.From.Sender(ctx, p.job.Name); sender != 0 {
			p.stall.Started()
			return sender, nil
		}
		if proc.Ended(p.Pid()) {
			if _, done, _ := p.progress(); done {
				return 0, nil // it finished between two samples
			}
			return 0, p.failed()
		}
		if err := p.checkFailure(); err != nil {
			return 0, err
		}
		if p.stall.Look(0) {
			return 0, p.stalled(ctx, "no stream for its slot")
		}
		if err := Pause(ctx, "wait for the stream"); err != nil {
			return 0, err
		}
	}
}

// Arrived waits until the tool has all rows of the job.
func (p *Program) Arrived(ctx context.Context) error { return p.until(ctx, func(float64) {}) }

// until waits until the tool has all rows, and reports its progress each time.
func (p *Program) until(ctx context.Context, told func(amount float64)) error {
	for {
		ended := proc.Ended(p.Pid()) // before the question: it may finish and end in between
		amount, done, err := p.progress()
		if err != nil {
			return err
		}
		told(amount)
		switch {
		case done:
			return nil
		case ended:
			return p.failed()
		}
		if err := p.checkFailure(); err != nil {
			return err
		}
		if p.stall.Look(amount) {
			return p.stalled(ctx, "")
		}
		if err := Pause(ctx, fmt.Sprintf("wait for the rows, after %.0f", amount)); err != nil {
			return err
		}
	}
}

// end stops the process, and kills it when it does not stop in time: a stalled tool may handle no other signal.
func (p *Program) end() {
	_ = p.cmd.Cancel()
	kill := time.AfterFunc(p.cmd.WaitDelay, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	_ = p.cmd.Wait()
}

// Stop stops the tool and removes what it used: slot, topics, files.
func (p *Program) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	p.end()
	err := p.job.From.DropSlot(ctx, p.job.Name)
	if p.job.Sink.Kind == Kafka && !p.job.Keep {
		if gone := p.job.From.Site.DropTopics(p.job.Name); err == nil {
			err = gone
		}
	}
	if gone := os.RemoveAll(p.dir); err == nil {
		err = gone
	}
	return err
}
