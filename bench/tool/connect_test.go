package tool

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// Kafka Connect goes on after its task has failed: the run must not wait for its limit. The server answers as Connect would.
func TestFailedTaskEndsTheRun(t *testing.T) {
	state := "RUNNING"
	connect := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/connectors/slot/status" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"name":"slot","connector":{"state":"RUNNING"},"tasks":[{"id":0,"state":%q,"trace":"no such publication\n\tat a.b.c"}]}`, state)
	}))
	defer connect.Close()
	listen := strings.TrimPrefix(connect.URL, "http://")
	if err := failedTask(t.Context(), listen, "slot"); err != nil {
		t.Errorf("a task that runs: %v", err)
	}
	state = "FAILED"
	p := &Program{
		cmd:         exec.Command("sleep", "60"),
		progress:    func() (float64, bool, error) { return 0, false, nil },
		stall:       NewStall(0, nil),
		findFailure: func() error { return failedTask(t.Context(), listen, "slot") },
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}()
	if err := p.Arrived(t.Context()); err == nil || !strings.Contains(err.Error(), "no such publication") {
		t.Errorf("the end of the run is %v", err)
	}
	if err := p.Look(); err != nil {
		t.Errorf("it was asked again within a second: %v", err)
	}
}
