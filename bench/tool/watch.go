package tool

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/tailrace/tailrace/bench/proc"
)

// warmPart is where the last 60 % of a drain begin: from there on a JVM counts as warm.
const warmPart = 0.4

// Sample is the usage up to a moment.
type Sample struct {
	At                     time.Time
	Amount                 float64 // how far the tool has come
	Tool, Sender, Broker   time.Duration
	Target                 time.Duration // of the backends that write
	ToolWaits, SenderWaits int64
}

// Meter samples a tool, the walsenders that have served it, and the broker.
type Meter struct {
	program *Program
	senders map[int]Sample // by process: a tool may reconnect
	looked  int
	last    Sample
	Peak    int64 // bytes
}

// NewMeter begins with the walsender that Await found.
func (p *Program) NewMeter(sender int) *Meter {
	return &Meter{program: p, senders: map[int]Sample{sender: {}}}
}

// Look takes a sample. What a process used before it ended is kept.
func (m *Meter) Look(ctx context.Context, amount float64) Sample {
	p := m.program
	if m.looked++; m.looked%50 == 0 {
		pid := p.job.From.Sender(ctx, p.job.Name)
		if _, known := m.senders[pid]; pid != 0 && !known {
			m.senders[pid] = Sample{}
		}
	}
	s := Sample{At: time.Now(), Amount: amount, Broker: proc.CPU(p.job.From.Site.BrokerPid())}
	s.Tool, s.ToolWaits = max(m.last.Tool, proc.CPU(p.Pid())), max(m.last.ToolWaits, proc.Waits(p.Pid()))
	for pid, was := range m.senders {
		was.Sender, was.SenderWaits = max(was.Sender, proc.CPU(pid)), max(was.SenderWaits, proc.Waits(pid))
		m.senders[pid] = was
		s.Sender += was.Sender
		s.SenderWaits += was.SenderWaits
	}
	m.Peak = max(m.Peak, proc.Peak(p.Pid()))
	m.last = s
	return s
}

// Drain measures a tool from the first byte of its stream until it has read the backlog, and returns the cost. The clock
// of a tool without a stream starts with the last sample before its first rows.
func (p *Program) Drain(ctx context.Context) (figures map[string]float64, err error) {
	sender := 0
	if ReadsWAL(p.name) {
		if sender, err = p.Await(ctx); err != nil {
			return nil, err
		}
		if sender == 0 {
			return nil, errors.New("the backlog is too small: it was read between two looks")
		}
	}
	m := p.NewMeter(sender)
	c := Course{Began: p.began, Samples: []Sample{m.Look(ctx, 0)}}
	err = p.until(ctx, func(amount float64) {
		if s := m.Look(ctx, amount); sender == 0 && amount == 0 {
			c.Samples[0] = s
		} else {
			c.Samples = append(c.Samples, s)
		}
	})
	if err != nil {
		return nil, err
	}
	if proc.Ended(p.Pid()) && p.cmd.Wait() != nil {
		return nil, p.failed()
	}
	c.Peak = m.Peak
	figures = c.Costs(p.job.From.Rows)
	if sender == 0 {
		delete(figures, "sender_us")
	}
	return figures, p.volume(figures)
}

// volume adds the bytes of the records in the topics to the figures of a drain into Kafka: per row, and megabytes per second.
func (p *Program) volume(figures map[string]float64) error {
	if p.job.Sink.Kind != Kafka {
		return nil
	}
	bytes, err := p.job.From.Site.LogBytes(p.job.Topics())
	if err != nil {
		return err
	}
	each := float64(bytes) / float64(p.job.From.Rows)
	figures["record_bytes"] = each
	for _, prefix := range []string{"", "warm_"} {
		if rate, has := figures[prefix+"rows_s"]; has {
			figures[prefix+"mb_s"] = rate * each / 1e6
		}
	}
	return nil
}

// Course is the record of a drain.
type Course struct {
	Began   time.Time // the process; its start is no part of the drain
	Samples []Sample  // from where the clock starts
	Peak    int64     // bytes
}

// Costs returns the figures of a drain of n rows: over the whole, and from the point where warmPart of it was done.
func (c *Course) Costs(rows int) map[string]float64 {
	first, last := c.Samples[0], c.Samples[len(c.Samples)-1]
	warm := first
	for _, s := range c.Samples {
		if warm = s; s.Amount >= warmPart*last.Amount {
			break
		}
	}
	n := float64(rows)
	out := costs(first, last, n, "")
	if rest := n * (1 - warm.Amount/last.Amount); rest > 0 {
		maps.Copy(out, costs(warm, last, rest, "warm_"))
	}
	out["start_s"] = first.At.Sub(c.Began).Seconds()
	out["all_s"] = last.At.Sub(c.Began).Seconds()
	out["rss_mb"] = float64(c.Peak) / 1e6
	return out
}

// Between returns what n rows cost between two samples.
func Between(from, to Sample, rows int) map[string]float64 { return costs(from, to, float64(rows), "") }

func costs(from, to Sample, rows float64, prefix string) map[string]float64 {
	us := func(a, b time.Duration) float64 { return float64((b - a).Nanoseconds()) / 1e3 / rows }
	return map[string]float64{
		prefix + "rows_s":         rows / to.At.Sub(from.At).Seconds(),
		prefix + "tool_us":        us(from.Tool, to.Tool),
		prefix + "sender_us":      us(from.Sender, to.Sender),
		prefix + "broker_us":      us(from.Broker, to.Broker),
		prefix + "target_us":      us(from.Target, to.Target),
		prefix + "tool_waits_k":   float64(to.ToolWaits-from.ToolWaits) / rows * 1000,
		prefix + "sender_waits_k": float64(to.SenderWaits-from.SenderWaits) / rows * 1000,
	}
}
