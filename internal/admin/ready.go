package admin

import (
	"net/http"
	"sync"

	"github.com/tailrace/tailrace/internal/pipeline"
)

// streaming is the state of a pipeline whose source streams changes.
const streaming = "streaming"

// readiness is the response of /readyz.
type readiness struct {
	Ready  bool         `json:"ready"`
	States []namedState `json:"states"` // every state that is not ok, warnings included
}

// namedState is a state with the pipeline, or the sink, that is in it.
type namedState struct {
	Pipeline string `json:"pipeline"`
	Sink     string `json:"sink,omitempty"` // none: the pipeline's own
	pipeline.State
}

// startedPipelines records which pipelines were active or standby once: a source that fails later must not take a service out of
// its load balancer.
type startedPipelines struct {
	mu   sync.Mutex
	once map[string]bool
}

func (s *startedPipelines) observe(statuses []pipeline.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.once == nil {
		s.once = make(map[string]bool)
	}
	for _, st := range statuses {
		if st.Role == pipeline.Active || st.Role == pipeline.Standby {
			s.once[st.Name] = true
		}
	}
}

func (s *startedPipelines) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.once[name]
}

// readyz is for load balancers: every pipeline has started, active or standby, whatever the sinks' states. With ?strict it is for
// deployments and operators: every pipeline (or only &pipeline=P) streams, also with a warning, and no sink is halted.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	statuses := s.pipelines.Statuses()
	s.started.observe(statuses)
	query := r.URL.Query()
	if query.Has("pipeline") {
		st, ok := s.find(w, query.Get("pipeline"))
		if !ok {
			return
		}
		statuses = []pipeline.Status{st}
	}
	answer := readiness{Ready: true, States: notOK(statuses)}
	for _, st := range statuses {
		if query.Has("strict") {
			answer.Ready = answer.Ready && isStrictlyReady(st)
		} else {
			answer.Ready = answer.Ready && s.started.has(st.Name)
		}
	}
	code := http.StatusOK
	if !answer.Ready {
		code = http.StatusServiceUnavailable
	}
	reply(w, code, answer)
}

// isStrictlyReady reports whether a pipeline streams and has no halted sink.
func isStrictlyReady(st pipeline.Status) bool {
	if st.State.Kind != pipeline.Warning && (st.State.Name != streaming || st.State.Kind != pipeline.OK) {
		return false
	}
	for _, sink := range st.Sinks {
		if sink.State.Kind == pipeline.Halted {
			return false
		}
	}
	return true
}

// notOK lists every state that is not ok: pipelines that do not stream, sinks that are not ok.
func notOK(statuses []pipeline.Status) []namedState {
	list := []namedState{}
	for _, st := range statuses {
		if st.State.Name != streaming || st.State.Kind != pipeline.OK {
			list = append(list, namedState{Pipeline: st.Name, State: st.State})
		}
		for _, warning := range st.Warnings {
			list = append(list, namedState{Pipeline: st.Name, State: warning})
		}
		for _, sink := range st.Sinks {
			if sink.State.Kind != pipeline.OK {
				list = append(list, namedState{Pipeline: st.Name, Sink: sink.Name, State: sink.State})
			}
		}
	}
	return list
}
