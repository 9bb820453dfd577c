package testenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A StopMode is how a Postgres server is asked to stop.
type StopMode syscall.Signal

// The modes of `pg_ctl stop`.
const (
	Smart     = StopMode(syscall.SIGTERM) // waits for clients to leave
	Fast      = StopMode(syscall.SIGINT)  // disconnects clients, then waits until replication has caught up
	Immediate = StopMode(syscall.SIGQUIT) // aborts everything and recovers at the next start; clients are told
)

// Stop stops the server and waits until it is down. If that takes more than a minute and a half, it kills the server and
// fails.
func (s *PostgresServer) Stop(mode StopMode) error {
	if err := s.process.End(syscall.Signal(mode)); err != nil {
		return fmt.Errorf("stop Postgres: %w", err)
	}
	return nil
}

// Crash kills all processes of the server at one moment, as a failure of its machine would, and leaves the data folder in a
// state from which Start works. Without /proc it is Stop(Immediate).
func (s *PostgresServer) Crash() error {
	if _, err := os.Stat("/proc/self/stat"); errors.Is(err, fs.ErrNotExist) {
		return s.Stop(Immediate)
	}
	if err := s.process.Signal(syscall.SIGSTOP); err != nil { // no more children
		return err
	}
	for state := processState(s.Pid()); len(state) > 0 && !strings.Contains("TZX", state[0]); state = processState(s.Pid()) {
		time.Sleep(time.Millisecond)
	}
	backends, err := children(s.Pid())
	if err != nil {
		return fmt.Errorf("crash Postgres: %w", err)
	}
	if err := s.process.End(syscall.SIGKILL); err != nil {
		return fmt.Errorf("crash Postgres: %w", err)
	}
	for _, pid := range backends {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range backends {
		for alive(pid) {
			time.Sleep(time.Millisecond)
		}
	}
	err = os.Remove(filepath.Join(s.DataDir, "postmaster.pid")) // its process id may be in use by the next start
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Pid returns the postmaster's process id; the previous one while the server is down.
func (s *PostgresServer) Pid() int { return s.process.Pid() }

// children lists the processes whose parent is pid.
func children(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []int
	for _, stat := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if err != nil {
			continue
		}
		if state := processState(child); len(state) > 1 && state[1] == strconv.Itoa(pid) {
			found = append(found, child)
		}
	}
	return found, nil
}

// alive reports whether pid runs; a zombie does not.
func alive(pid int) bool {
	state := processState(pid)
	return len(state) > 0 && state[0] != "Z" && state[0] != "X"
}

// processState returns the fields of /proc/pid/stat after the command's name: state, parent, and more. It is nil when there
// is no such process.
func processState(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	return strings.Fields(rest)
}
