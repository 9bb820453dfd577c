package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
)

// endTimeout bounds the query for the end of the WAL.
const endTimeout = 5 * time.Second

// WAL is the response of /api/v1/pipelines/{name}/wal.
type WAL struct {
	LSN capture.LSN `json:"lsn"`
}

// errorBody is the body of every response that reports an error.
type errorBody struct {
	Error string `json:"error"`
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	list := s.pipelines.Statuses()
	if list == nil {
		list = []pipeline.Status{}
	}
	reply(w, http.StatusOK, list)
}

func (s *Server) one(w http.ResponseWriter, r *http.Request) {
	if st, ok := s.find(w, r.PathValue("name")); ok {
		reply(w, http.StatusOK, st)
	}
}

func (s *Server) wal(w http.ResponseWriter, r *http.Request) {
	st, ok := s.find(w, r.PathValue("name"))
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), endTimeout)
	defer cancel()
	end, err := s.pipelines.End(ctx, st.Name)
	if err != nil {
		replyError(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	reply(w, http.StatusOK, WAL{LSN: end})
}

// find returns the status of a pipeline, or answers 404 when there is no such pipeline.
func (s *Server) find(w http.ResponseWriter, name string) (pipeline.Status, bool) {
	for _, st := range s.pipelines.Statuses() {
		if st.Name == name {
			return st, true
		}
	}
	replyError(w, http.StatusNotFound, fmt.Sprintf("there is no pipeline %q", name))
	return pipeline.Status{}, false
}

func notFound(w http.ResponseWriter, r *http.Request) {
	replyError(w, http.StatusNotFound, fmt.Sprintf("there is nothing at %q", r.URL.Path))
}

func replyError(w http.ResponseWriter, code int, text string) { reply(w, code, errorBody{Error: text}) }

func reply(w http.ResponseWriter, code int, body any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a fix may contain "<", which has to stay readable
	e.SetIndent("", "  ")
	if err := e.Encode(body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(b.Bytes()) // an error means that the client has closed the connection
}
