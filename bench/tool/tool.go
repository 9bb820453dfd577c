// Package tool runs the programs that are measured, one at a time: tailrace, pg_recvlogical and Debezium in Kafka Connect,
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
	Plain       = "tailrace, plain reads" // the same program with blocking reads, for what resting brings
	RecvLogical = "pg_recvlogical"
	Debezium    = "debezium"
	JDBC        = "debezium jdbc" // its sink for databases
	// ProducerPerf is Kafka's own kafka-producer-perf-test: how fast the broker takes records of a size.
	ProducerPerf = "producer-perf"
)

// ReadsWAL reports whether a tool needs a slot.
func ReadsWAL(name string) bool { return name != JDBC && name != ProducerPerf }

// Job says what a tool has to do.
type Job struct {
	Name   string // unique, [a-z0-9_]: the slot's, and the beginning of every topic's
	From   *site.Backlog
	Over   site.Transport
	Sink   Sink
	Lively bool           // Debezium: tuned for latency, not for throughput
	Delays bool           // tailrace into nothing: measure how long commits take to come
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
	// listen is where tailrace answers.
	listen string
	stop   syscall.Signal
	// progress says how far it has come, in a measure that grows with the rows, and whether all rows are there.
	progress func() (amount float64, done bool, err error)
	// trouble asks a tool that goes on when it cannot; nil: it ends, or progress has the error. See troubled.
	trouble func() error
	asked   time.Time // when that was
	began   time.Time
	stall   *Stall
}

// Start starts a tool of Binaries on the job's slot, which must stand already.
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

// Pid is the tool's process.
func (p *Program) Pid() int { return p.cmd.Process.Pid }

// Look says why the tool cannot go on; nil: it can.
func (p *Program) Look() error {
	if proc.Ended(p.Pid()) {
		return p.failed()
	}
	if err := p.troubled(); err != nil {
		return err
	}
	_, _, err := p.progress()
	return err
}

// troubled asks once a second at most: the answer costs the tool something.
func (p *Program) troubled() error {
	if p.trouble == nil || time.Since(p.asked) < time.Second {
		return nil
	}
	p.asked = time.Now()
	return p.trouble()
}

// failed is what a tool that has ended too early leaves.
func (p *Program) failed() error {
	text, _ := os.ReadFile(p.log)
	return fmt.Errorf("it ended by itself: %s", text[max(0, len(text)-1500):])
}

// grace is how long a program may take to end before it is killed.
const grace = 15 * time.Second

// Tick is how often a tool is looked at.
const Tick = 20 * time.Millisecond

// Pause waits for the next Tick. what is waited for is in the error when ctx ends.
func Pause(ctx context.Context, what string) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	case <-time.After(Tick):
		return nil
	}
}

// Await waits until the tool streams from its slot, and says which walsender serves it; 0: the tool is done already.
func (p *Program) Await(ctx context.Context) (sender int, err error) {
	for {
		if sender = p.job.From.Sender(ctx, p.job.Name); sender != 0 {
			p.stall.Started()
			return sender, nil
		}
		if proc.Ended(p.Pid()) {
			if _, done, _ := p.progress(); done {
				return 0, nil // it was faster than we look
			}
			return 0, p.failed()
		}
		if err := p.troubled(); err != nil {
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

// until waits until the tool has all rows, and tells each time how far it is.
func (p *Program) until(ctx context.Context, told func(amount float64)) error {
	for {
		ended := proc.Ended(p.Pid()) // before the question: it may end in between, done
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
		if err := p.troubled(); err != nil {
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

// end ends the process, and kills one that does not end in time: a tool that has stalled may not see another signal.
func (p *Program) end() {
	_ = p.cmd.Cancel()
	kill := time.AfterFunc(p.cmd.WaitDelay, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	_ = p.cmd.Wait()
}

// Stop ends the tool and removes what it had: slot, topics, files.
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
