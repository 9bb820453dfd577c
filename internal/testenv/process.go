package testenv

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

// patience is how long a server may take to start or to stop: far more than any server needs, because machines that run
// tests are busy.
const patience = 90 * time.Second

// process is one running server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has been waited for
}

// startProcess starts cmd with its output appended to the file log. The process gets the signal death when this program
// ends for any reason.
func startProcess(cmd *exec.Cmd, log string, death syscall.Signal) (*process, error) {
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
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // ProcessState has the details
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// running reports whether the process has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends s. It is no error if the process has ended already.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s to process %d: %w", s, p.pid(), err)
	}
	return nil
}

// end sends s and waits until the process has ended. It kills a process that does not end in time, and returns an error.
func (p *process) end(s syscall.Signal) error {
	if err := p.signal(s); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		_ = p.signal(syscall.SIGKILL)
		<-p.done
		return fmt.Errorf("stop process %d: still there %s after %s, killed", p.pid(), patience, s)
	}
}

// await calls ready until it returns nil, the process ends, or patience is over.
func (p *process) await(ready func() error) error {
	deadline := time.Now().Add(patience)
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
			return fmt.Errorf("not ready after %s: %w", patience, err)
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

// logTail returns the end of a log file, for error messages.
func logTail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}
