package admin

import "github.com/tailrace/tailrace/internal/pipeline"

// TailState is the state of a pipeline, or of one of its sinks.
type TailState struct {
	Sink string `json:"sink,omitempty"` // "": of the pipeline
	Role string `json:"role"`           // of the daemon in the pipeline
	pipeline.State
}

// tailStates are the states that a client knows, by sink; "" is the pipeline.
type tailStates map[string]TailState

// writeStates writes the states that are new and matter.
func (s *Server) writeStates(w *tailWriter, known tailStates, name string, q TailQuery) {
	for _, st := range s.pipelines.Statuses() {
		if st.Name != name {
			continue
		}
		known.write(w, TailState{Role: st.Role, State: st.State})
		for _, k := range st.Sinks {
			if q.Sink == "" || q.Sink == k.Name {
				known.write(w, TailState{Sink: k.Name, Role: st.Role, State: k.State})
			}
		}
	}
	w.flush()
}

// write writes a state if it differs from the one that the client knows. At first it knows that all is well. Which of the good states
// it is does not matter.
func (known tailStates) write(w *tailWriter, now TailState) {
	was, have := known[now.Sink]
	if !have {
		was = TailState{Role: pipeline.Active, State: pipeline.State{Kind: pipeline.OK}}
	}
	known[now.Sink] = now
	same := was.Kind == now.Kind && (now.Sink != "" || was.Role == now.Role)
	if same && (now.Kind == pipeline.OK || was.Name == now.Name && was.Reason == now.Reason) {
		return
	}
	w.line(TailLine{State: &now})
}
