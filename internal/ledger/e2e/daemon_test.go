package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// daemon is one process of the program under test.
type daemon struct {
	number int
	cmd    *exec.Cmd
	log    string
	done   chan struct{}
}

// startDaemon starts cmd with its output in the file log.
func startDaemon(log string, number int, cmd *exec.Cmd) (*daemon, error) {
	d := &daemon{number: number, cmd: cmd, log: log, done: make(chan struct{})}
	out, err := os.Create(d.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start daemon: %w", err)
	}
	go func() {
		_ = cmd.Wait()
		close(d.done)
	}()
	return d, nil
}

func (d *daemon) running() bool {
	select {
	case <-d.done:
		return false
	default:
		return true
	}
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

// freeze stops the process with SIGSTOP; it is an error if the process has ended.
func (d *daemon) freeze() error {
	if err := d.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for ; d.running(); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
		if _, state, _ := bytes.Cut(stat, []byte(") ")); err != nil || bytes.HasPrefix(state, []byte("T")) {
			return err
		}
	}
	return os.ErrProcessDone
}

// wake resumes a frozen process.
func (d *daemon) wake() error { return d.cmd.Process.Signal(syscall.SIGCONT) }

// terminate asks the process to end, and expects that within the time; it returns the exit code.
func (d *daemon) terminate(within time.Duration) (int, error) {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return -1, err
	}
	select {
	case <-d.done:
		return d.cmd.ProcessState.ExitCode(), nil
	case <-time.After(within):
		return -1, errors.New("SIGTERM did not end the daemon")
	}
}

func (d *daemon) logTail() string { return logTail(d.log) }

func logTail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-3000):])
}
