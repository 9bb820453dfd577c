package tool

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/tailrace/tailrace/bench/record"
)

// answerLimit is how long a tool may take to report its progress. A stalled tool may never answer.
const answerLimit = 5 * time.Second

// ErrStalled is in the error of a run that was stopped because it made no progress.
var ErrStalled = errors.New("stalled")

// starting is the multiple of the limit that a tool may take to start: a JVM on a busy machine is slow to do so.
const starting = 3

// Stall detects that a run makes no progress. One goroutine uses it.
type Stall struct {
	limit time.Duration // 0: nothing counts as a stall
	// read is a second measure of progress, asked at most once per second while the first one does not grow; nil: there is
	// none. A walsender reads a whole transaction before it sends its first row.
	read func() int64

	started bool // it streams, or its first rows have arrived
	amount  float64
	reading int64
	grown   time.Time // when one of the two last grew; zero: no sample yet
	asked   time.Time
}

// NewStall returns a Stall that begins with the first Look. limit is how long a run may make no progress; 0: no limit.
// read may be nil.
func NewStall(limit time.Duration, read func() int64) *Stall { return &Stall{limit: limit, read: read} }

// Started records that the tool has started; the limit counts from there.
func (s *Stall) Started() { s.started, s.grown = true, time.Now() }

// allowed returns the current limit for a time without progress.
func (s *Stall) allowed() time.Duration {
	if s.started {
		return s.limit
	}
	return starting * s.limit
}

// Look reports whether there has been no progress for the limit, or for a multiple of it before the start. amount is the
// progress of the run.
func (s *Stall) Look(amount float64) bool {
	now := time.Now()
	if s.grown.IsZero() || amount > s.amount {
		s.started = s.started || amount > 0
		s.amount, s.grown, s.asked = amount, now, now
		return false
	}
	if s.limit == 0 {
		return false
	}
	if s.read != nil && now.Sub(s.asked) >= min(time.Second, s.limit/2) {
		s.asked = now
		if n := s.read(); n > s.reading {
			s.reading, s.grown = n, now
		}
	}
	return now.Sub(s.grown) >= s.allowed()
}

// Err reports where the run has stalled, out of a number of rows.
func (s *Stall) Err(rows int) error {
	return fmt.Errorf("%w at %s of %s rows: no progress for %s", ErrStalled, record.Count(int(s.amount)), record.Count(rows), s.allowed())
}

// NewStall returns a Stall that also counts as progress that the walsender of the job's slot reads on in the backlog.
func (j *Job) NewStall(ctx context.Context, limit time.Duration) *Stall {
	return NewStall(limit, func() int64 { return j.From.Read(ctx, j.Name) })
}

// WithSockets adds to an error what ss reports about the TCP connections to the source; it returns err unchanged if there
// is nothing to add.
func (j *Job) WithSockets(ctx context.Context, err error) error {
	if text := sockets(ctx, j.From.Site.Postgres.Port); text != "" {
		return fmt.Errorf("%w; ss -tmni: %s", err, text)
	}
	return err
}

// sockets returns what ss reports about the TCP connections with a local port at one of their ends, in one line, with a
// semicolon between two; "": there is no ss, or no connection.
func sockets(ctx context.Context, port int) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ss", "-H", "-tmni", fmt.Sprintf("( sport = :%d or dport = :%d )", port, port)).Output()
	if err != nil {
		return ""
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		text := strings.Join(strings.Fields(line), " ")
		if n := len(all); n > 0 && strings.TrimLeft(line, " \t") != line { // more of the same socket
			all[n-1] += " " + text
		} else {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

// stalled is the error of a program without progress. why adds to it; "": there is nothing to add.
func (p *Program) stalled(ctx context.Context, why string) error {
	err := p.stall.Err(p.job.From.Rows)
	if p.name == RecvLogical {
		err = fmt.Errorf("%w at %s bytes of the output of %s rows: no progress for %s", ErrStalled, record.Count(int(p.stall.amount)),
			record.Count(p.job.From.Rows), p.stall.allowed())
	}
	if why != "" {
		err = fmt.Errorf("%w: %s", err, why)
	}
	return p.job.WithSockets(ctx, err)
}
