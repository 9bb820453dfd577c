package redis

import (
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

const (
	invisibleAfter = 10 * time.Second // a commit that is not visible for so long is a warning
	fullFor        = 10 * time.Second // a Redis without memory is a warning for so long after the last refusal
)

// sizes are the bytes in the worker's buffers.
type sizes struct {
	journal, unseen, fillers int
	full                     *capture.Problem // the last refusal of a value
	fullSince, fullAt        time.Time
}

// report publishes the worker's health and sizes; p is why nothing is applied at the moment, nil: everything is.
func (w *worker) report(p *capture.Problem) {
	now := time.Now()
	oldest := w.unseen.oldest()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sizes.journal, w.sizes.unseen, w.sizes.fillers = w.journal.bytes, w.unseen.bytes, w.fillers.bytes
	h := sink.Health{Blocked: p}
	switch {
	case p != nil:
		h.Since = now
		if was := w.health.Blocked; was != nil && was.State == p.State {
			h.Since = w.health.Since
		}
	case w.unseen.bytes >= w.options.Unseen:
		h.Blocked, h.Since = invisible(), oldest
	case w.snapshot.problem != nil:
		h.Warning, h.Since = w.snapshot.problem, w.snapshot.since
	case !oldest.IsZero() && now.Sub(oldest) > invisibleAfter:
		h.Warning, h.Since = invisible(), oldest
	case w.sizes.full != nil && now.Sub(w.sizes.fullAt) < fullFor:
		h.Warning, h.Since = w.sizes.full, w.sizes.fullSince
	}
	w.health = h
}

// full records that Redis has refused a value for lack of memory. The key is invalidated instead.
func (w *worker) full(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if now.Sub(w.sizes.fullAt) > fullFor {
		w.sizes.fullSince = now
	}
	w.sizes.full, w.sizes.fullAt = w.options.fullProblem(err), now
}

// Health implements sink.HealthReporter.
func (s *Sink) Health() sink.Health {
	if k := s.open.Load(); k != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.health
	}
	return sink.Health{}
}

// Buffers implements sink.Buffered.
func (s *Sink) Buffers() []sink.Buffer {
	k := s.open.Load()
	if k == nil {
		return nil
	}
	queued := k.queue.size()
	k.mu.Lock()
	defer k.mu.Unlock()
	return []sink.Buffer{
		{Name: "queue", Bytes: queued, Limit: k.options.Queue},
		{Name: "journal", Bytes: k.sizes.journal, Limit: k.options.Journal},
		{Name: "unseen", Bytes: k.sizes.unseen, Limit: k.options.Unseen},
		{Name: "fillers", Bytes: k.sizes.fillers, Limit: k.options.Fillers},
	}
}
