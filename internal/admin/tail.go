package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/tail"
)

const (
	// MaxTailEvents is how many events of each sink a tail may begin with.
	MaxTailEvents = tail.MaxEvents
	// tailEvents is how many events of each sink a tail begins with when the request does not say.
	tailEvents = 10
	// tailTurn is how many events are written before they are flushed and the states are read again.
	tailTurn = 256
	// statesInterval is how often a tail reads the states.
	statesInterval = time.Second
	// stallTimeout is how long a client may take nothing. Then it loses its connection, because there are only so many tails.
	stallTimeout = time.Minute
)

// tailType is the media type of a tail.
const tailType = "application/x-ndjson"

// TailLine is one line of a tail: it has one of Event, Skipped, State and End.
type TailLine struct {
	Event   *tail.Event `json:"event,omitempty"`
	Skipped uint64      `json:"skipped,omitempty"` // events of Sink that are not shown
	Sink    string      `json:"sink,omitempty"`
	State   *TailState  `json:"state,omitempty"`
	End     string      `json:"end,omitempty"` // why no more lines follow
}

// TailQuery is what a tail shows.
type TailQuery struct {
	Sink   string // "": all sinks
	N      int    // events of each sink to begin with
	Follow bool   // wait for more events
}

func (s *Server) tail(w http.ResponseWriter, r *http.Request) {
	st, ok := s.find(w, r.PathValue("name"))
	if !ok {
		return
	}
	q, err := queryOf(r)
	if err != nil {
		replyError(w, http.StatusBadRequest, err.Error())
		return
	}
	if q.Sink != "" && !slices.ContainsFunc(st.Sinks, func(k pipeline.SinkStatus) bool { return k.Name == q.Sink }) {
		replyError(w, http.StatusNotFound, fmt.Sprintf("pipeline %q has no sink %q", st.Name, q.Sink))
		return
	}
	select {
	case s.tails <- struct{}{}:
		defer func() { <-s.tails }()
	default:
		replyError(w, http.StatusTooManyRequests, fmt.Sprintf("%d tails are running already: end one of them", tails))
		return
	}
	t, err := s.pipelines.Tail(st.Name, q)
	if err != nil {
		replyError(w, http.StatusInternalServerError, err.Error())
		return
	}
	defer t.Close()
	s.stream(r.Context(), newTailWriter(w), t, st.Name, q)
}

func queryOf(r *http.Request) (TailQuery, error) {
	v := r.URL.Query()
	q := TailQuery{Sink: v.Get("sink"), N: tailEvents}
	if n := v.Get("n"); n != "" {
		var err error
		if q.N, err = strconv.Atoi(n); err != nil || q.N < 0 || q.N > MaxTailEvents {
			return q, fmt.Errorf("n=%s is not a number from 0 to %d", n, MaxTailEvents)
		}
	}
	switch f := v.Get("follow"); f {
	case "", "0":
	case "1":
		q.Follow = true
	default:
		return q, fmt.Errorf("follow=%s is neither 0 nor 1", f)
	}
	return q, nil
}

// stream writes lines until there are no more, ctx ends, the client is gone, or the server shuts down.
func (s *Server) stream(ctx context.Context, w *tailWriter, t *tail.Tail, pipeline string, q TailQuery) {
	states := time.NewTicker(statesInterval)
	defer states.Stop()
	known := tailStates{}
	s.writeStates(w, known, pipeline, q)
	for {
		more := writeEvents(ctx, w, t)
		switch {
		case w.err != nil, ctx.Err() != nil, !more && !q.Follow:
			return
		case isClosed(s.ending):
			w.line(TailLine{End: "the daemon is shutting down"})
			w.flush()
			return
		}
		wake := t.Wake()
		if more {
			wake = noWait
		}
		select {
		case <-ctx.Done():
		case <-s.ending:
		case <-wake:
		case <-states.C:
			s.writeStates(w, known, pipeline, q)
		}
	}
}

// noWait is a closed channel.
var noWait = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// writeEvents writes and flushes one turn, and reports whether there may be more.
func writeEvents(ctx context.Context, w *tailWriter, t *tail.Tail) (more bool) {
	defer w.flush()
	for range tailTurn {
		item, ok := t.Next(ctx)
		if !ok || w.err != nil {
			return false
		}
		line := TailLine{Event: item.Event, Skipped: item.Skipped}
		if item.Event == nil {
			line.Sink = item.Sink
		}
		w.line(line)
	}
	return true
}
