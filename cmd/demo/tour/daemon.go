package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/admin"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// pipelineName is the pipeline of examples/demo, and slotName its slot.
const pipelineName, slotName = "shop", "tailrace_shop"

// daemon is the real program, as a child process.
type daemon struct {
	program string
	env     []string
	logPath string
	url     string // of its status page
	client  *admin.Client

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// newDaemon returns a daemon that is not started. It listens on its usual port, if that is free.
func newDaemon(dir string, env ...string) (*daemon, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	d := &daemon{
		program: filepath.Join(dir, "tailrace"), logPath: filepath.Join(dir, "daemon.log"), url: "http://" + listen,
		env: append(os.Environ(), append(env, "LISTEN="+listen)...),
	}
	d.client, err = admin.NewClient(d.url)
	return d, err
}

// freeAddress returns the daemon's usual address, or another if that is in use.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", config.DefaultListen)
	if err != nil {
		return testenv.FreeAddress()
	}
	defer l.Close()
	return config.DefaultListen, nil
}

// start starts the process. It is called on the main goroutine: see death_linux.go.
func (d *daemon) start() error {
	log, err := os.OpenFile(d.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the daemon's log: %w", err)
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(d.program, "run", "examples/demo")
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = d.env, log, log, ownGroup()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start tailrace: %w", err)
	}
	d.cmd, d.done = cmd, make(chan struct{})
	go func() {
		_ = cmd.Wait() // ProcessState has the details
		close(d.done)
	}()
	return nil
}

// end sends a signal and waits for the process, for as long as tailrace may take to stop after SIGTERM.
func (d *daemon) end(s syscall.Signal) (*os.ProcessState, error) {
	if err := d.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return nil, fmt.Errorf("send %s to tailrace: %w", s, err)
	}
	select {
	case <-d.done:
		return d.cmd.ProcessState, nil
	case <-time.After(10 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.done
		return nil, fmt.Errorf("tailrace did not end within 10 s after %s", s)
	}
}

// gone returns an error when the process has ended although the tour did not stop it.
func (d *daemon) gone() error {
	select {
	case <-d.done:
		return fmt.Errorf("tailrace ended by itself: %s", d.cmd.ProcessState)
	default:
		return nil
	}
}

// status asks the daemon's API.
func (d *daemon) status(ctx context.Context) (pipeline.Status, error) {
	st, err := d.client.Status(ctx, pipelineName)
	if err == nil && len(st.Sinks) != 2 {
		err = fmt.Errorf("the pipeline has %d sinks, want 2", len(st.Sinks))
	}
	return st, err
}

// logTail returns the end of the log.
func (d *daemon) logTail() string {
	text, err := os.ReadFile(d.logPath)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-3000):]))
}
