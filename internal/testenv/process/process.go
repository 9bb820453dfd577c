package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Patience is how long a server may take to start or to stop: far more than any server needs, because machines that run
// tests are busy.
const Patience = 90 * time.Second

// Process is one running server.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has been waited for
}

// Start starts cmd with its output appended to the file log. The process gets the signal death when this program
// ends for any reason.
func Start(cmd *exec.Cmd, log string, death syscall.Signal) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer out.Close() // the process has its own
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for the tests, which stop their servers themselves
	setDeathSignal(cmd.SysProcAttr, death)
	if err := onParentThread(cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // ProcessState has the details
		close(p.done)
	}()
	return p, nil
}

// Pid returns the process id, also after the process has ended.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Running reports whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends s. It is no error if the process has ended already.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s to process %d: %w", s, p.Pid(), err)
	}
	return nil
}

// End sends s and waits until the process has ended. It kills a process that does not end in time, and returns an error.
func (p *Process) End(s syscall.Signal) error {
	if err := p.Signal(s); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(Patience):
		_ = p.Signal(syscall.SIGKILL)
		<-p.done
		return fmt.Errorf("stop process %d: still there %s after %s, killed", p.Pid(), Patience, s)
	}
}

// Await calls ready until it returns nil, the process ends, or Patience is over.
func (p *Process) Await(ready func() error) error {
	deadline := time.Now().Add(Patience)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("the process ended: %s", p.cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready after %s: %w", Patience, err)
		}
	}
}

var parentThread = sync.OnceValue(func() chan func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})

// onParentThread calls start on the one thread that is the parent of all servers. The kernel sends the death signal when
// the parent's thread ends, and Go may end any thread that a goroutine has locked; this one lives as long as the program.
func onParentThread(start func() error) error {
	result := make(chan error, 1)
	parentThread() <- func() { result <- start() }
	return <-result
}

// LogTail returns the end of a log file, for error messages.
func LogTail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}
