package ddl

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// State is a named state of the daemon, as /readyz reports it.
type State struct {
	Pipeline, Sink string
	Name, Kind     string
	Reason, Fix    string
}

func (s State) String() string {
	return fmt.Sprintf("%s (%s): %s\n    %s", s.Name, s.Kind, s.Reason, strings.ReplaceAll(strings.TrimSpace(s.Fix), "\n", "\n    "))
}

// Daemon is a process of the program under test.
type Daemon struct {
	Listen string // its address
	File   string // its pipelines
	Log    string
	cmd    *exec.Cmd
	done   chan struct{}
}

// Launch starts a daemon.
func Launch(binary, file, listen, log string) (*Daemon, error) {
	d := &Daemon{Listen: listen, File: file, Log: log, cmd: exec.Command(binary, "run", file), done: make(chan struct{})}
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	d.cmd.Stdout, d.cmd.Stderr = out, out
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.done)
	}()
	return d, nil
}

// Ended reports whether the process has ended.
func (d *Daemon) Ended() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// Kill kills the daemon, as kill -9 does.
func (d *Daemon) Kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

func (d *Daemon) signal(s syscall.Signal) error { return d.cmd.Process.Signal(s) }

// Tail returns the end of its log.
func (d *Daemon) Tail() string {
	text, err := os.ReadFile(d.Log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-3000):])
}

var client = http.Client{Timeout: 5 * time.Second}

// States returns the states that are not healthy; ready is the answer of /readyz?strict.
func (d *Daemon) States() (states []State, ready bool, err error) {
	answer, err := client.Get("http://" + d.Listen + "/readyz?strict")
	if err != nil {
		return nil, false, err
	}
	defer answer.Body.Close()
	var body struct {
		Ready  bool
		States []State
	}
	err = json.NewDecoder(answer.Body).Decode(&body)
	return body.States, body.Ready, err
}

// Role returns the daemon's role in a pipeline: "" if the daemon does not answer.
func (d *Daemon) Role(pipeline string) string {
	answer, err := client.Get("http://" + d.Listen + "/api/v1/pipelines/" + pipeline)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	var body struct{ Role string }
	_ = json.NewDecoder(answer.Body).Decode(&body) // "" then
	return body.Role
}

var errEnded = errors.New("the daemon has ended")

// until polls until ok is true.
func (d *Daemon) until(within time.Duration, what string, ok func() bool) error {
	for deadline := time.Now().Add(within); !ok(); time.Sleep(30 * time.Millisecond) {
		if d.Ended() {
			return errEnded
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %s", within, what)
		}
	}
	return nil
}
