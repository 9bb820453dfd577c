package ddl

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// retry is how long a halted pipeline may take to notice that its fix was followed. It checks every 10 s.
const retry = 25 * time.Second

// sameFix is how often a fix may have to be followed.
const sameFix = 3

// defaultLooks is how long the daemon may take to detect what the stream does not contain: it checks the partition trees and
// the publication every 2 s, and reports some differences only at the second check. It checks the tables at most a twentieth
// of the time.
const defaultLooks = 30 * time.Second

// settling is the state of one Settle.
type settling struct {
	*Stage
	followed []State
	at       map[State]time.Time // when the fix of a current state was followed
	times    map[State]int       // how often it was followed
	later    []Step
	done     []string // the executed steps
	kept     []State  // warnings whose fix cannot be executed: they name what differs
}

// Settle follows every fix that the daemon prints until everything is in the replica, and compares all tables.
func (s *Stage) Settle(ctx context.Context) error {
	w := &settling{Stage: s, at: map[State]time.Time{}, times: map[State]int{}}
	var differences []Difference
	for ask := true; ask; {
		if err := w.quiet(ctx); err != nil {
			return err
		}
		if err := w.equalize(ctx); err != nil {
			return err
		}
		if err := w.createEmpty(ctx); err != nil {
			return err
		}
		var err error
		differences, err = Compare(ctx, s.source, s.target)
		if err != nil || len(differences) == 0 {
			return err
		}
		if ask, err = w.awaitReport(ctx); err != nil {
			return err
		}
	}
	f := &Fault{Class: Silent, Detail: "tables differ, and no state is left", Followed: w.followed, Steps: w.done, Differences: differences}
	if len(w.followed)+len(w.kept) > 0 {
		f.Class = WrongFix
		f.Followed = append(f.Followed, w.kept...)
	}
	out, code := run(s.Binary, "verify", "-fast", s.file(s.which))
	f.Detail += fmt.Sprintf("; tailrace verify says, with exit code %d: %s", code, strings.TrimSpace(out))
	f.Log = s.daemon.Tail()
	return f
}

// equalize follows fixes until everything is in the replica and no state asks for more.
func (w *settling) equalize(ctx context.Context) error {
	for {
		if err := w.drain(ctx); err != nil || len(w.later) == 0 {
			return err
		}
		later := w.later
		w.later = nil
		for _, step := range later {
			gone, err := w.gone(ctx, step)
			if err == nil && !gone {
				err = w.step(ctx, step, State{})
			}
			if err != nil {
				return err
			}
		}
	}
}

var tableFlag = regexp.MustCompile(` -table '?([^' ]+)`)

// gone reports whether a step compares a table that the source does not have any more: it was dropped, or renamed, and the fix of the
// rename compares it under its new name.
func (w *settling) gone(ctx context.Context, step Step) (gone bool, err error) {
	name := tableFlag.FindStringSubmatch(step.Command)
	if name == nil {
		return false, nil
	}
	if err = w.source.QueryRow(ctx, "SELECT to_regclass($1) IS NULL", name[1]).Scan(&gone); gone {
		w.done = append(w.done, "left out, for the source has no such table: "+step.String())
	}
	return gone, err
}

// awaitReport waits until a state names a difference that the stream does not contain, such as a truncated partition, and
// that only a check detects. It reports whether a fix was followed.
func (w *settling) awaitReport(ctx context.Context) (acted bool, err error) {
	for end := time.Now().Add(w.Looks); !acted && err == nil && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if w.daemon.Ended() {
			return false, errEnded
		}
		states, _, answered := w.daemon.States()
		if answered == nil {
			w.forget(states)
			acted, err = w.operate(ctx, needing(states))
		}
	}
	return acted, err
}

// quiet adds the commands that create the shapes of the existing quiet tables.
func (w *settling) quiet(ctx context.Context) error {
	for _, name := range w.Quiet {
		var there bool
		if err := w.source.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", "public."+name).Scan(&there); err != nil {
			return err
		}
		if there {
			command := fmt.Sprintf("tailrace verify -repair -table public.%s %s", name, w.file(w.which))
			w.later = append(w.later, Step{Command: command, Later: true})
		}
	}
	return nil
}

// drain returns when everything is in the replica.
func (w *settling) drain(ctx context.Context) error {
	for deadline := time.Now().Add(w.Patience); ; {
		if w.daemon.Ended() {
			return errEnded
		}
		states, _, err := w.daemon.States()
		if err == nil {
			w.forget(states)
			acted, err := w.operate(ctx, needing(states))
			if err != nil {
				return err
			}
			if acted {
				deadline = time.Now().Add(w.Patience)
				continue
			}
		}
		if !slices.ContainsFunc(states, halted) && err == nil && w.wait("1s") {
			return nil
		}
		if time.Now().After(deadline) {
			return w.fault(NoEnd, fmt.Sprintf("after %s the states are %v", w.Patience, states))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// forget lets the fix of a state be followed again after the state has ended and returned: a later change of the same table
// needs the same fix. A state that returns too often has no valid fix.
func (w *settling) forget(states []State) {
	for st := range w.at {
		if w.times[st] < sameFix && !slices.Contains(states, st) {
			delete(w.at, st)
		}
	}
}

func halted(s State) bool { return s.Kind == "halted" }

// operate follows the fix of the first new state.
func (w *settling) operate(ctx context.Context, states []State) (acted bool, err error) {
	for _, st := range states {
		at, known := w.at[st]
		if known && st.Kind == "halted" && time.Since(at) > retry {
			return false, w.fault(Stuck, fmt.Sprintf("%s after its fix was followed: %s", retry, st))
		}
		if known {
			continue
		}
		steps := Steps(st.Fix, st.Sink == "")
		if len(w.followed) > 20 {
			return false, w.fault(Stuck, "more than 20 fixes in a row")
		}
		w.at[st] = time.Now()
		w.times[st]++
		if len(steps) == 0 {
			if st.Kind == "halted" {
				return false, w.fault(Stuck, fmt.Sprintf("nothing in the fix can be executed: %s", st))
			}
			w.kept = append(w.kept, st)
			continue
		}
		w.followed = append(w.followed, st)
		return true, w.follow(ctx, steps, st)
	}
	return false, nil
}

func (w *settling) fault(class, detail string) error {
	return &Fault{Class: class, Detail: detail, Followed: w.followed, Steps: w.done, Log: w.daemon.Tail()}
}

// follow executes the steps of a fix. Those that compare rows wait until the pipeline runs again.
func (w *settling) follow(ctx context.Context, steps []Step, st State) error {
	restarted := true
	for _, step := range steps {
		if step.Named != "" && !w.compares(step.Named) {
			continue
		}
		if step.Later {
			if step.Command == "" || !slices.Contains(w.later, step) { // a state that a restart has interrupted returns
				w.later = append(w.later, step)
			}
			continue
		}
		if err := w.step(ctx, step, st); err != nil {
			return err
		}
		restarted = step.Restart
	}
	if w.Restart && !restarted {
		return w.step(ctx, Step{Restart: true}, st)
	}
	return nil
}

// compares reports whether a step that was executed, or that is due later, compares the table with a name.
func (w *settling) compares(table string) bool {
	text := " -table " + table + " "
	return slices.ContainsFunc(w.later, func(s Step) bool { return strings.Contains(s.Command, text) }) ||
		slices.ContainsFunc(w.done, func(s string) bool { return strings.Contains(s, text) })
}

func (w *settling) step(ctx context.Context, step Step, st State) error {
	w.done = append(w.done, time.Now().UTC().Format("15:04:05.000 ")+step.String())
	switch {
	case step.SQL != "":
		conn := w.target
		if step.Source {
			conn = w.source
		}
		if _, err := conn.Exec(ctx, step.SQL); err != nil {
			return w.fault(FixFailed, fmt.Sprintf("%s: %v, in the fix of %s", step.SQL, err, st))
		}
	case step.Command != "":
		return w.command(ctx, step.Command, st)
	case step.Set != "":
		return w.write(w.Settings + "\n    " + step.Set)
	case step.Reset:
		return w.write(w.Settings)
	case step.Restart:
		w.daemon.Kill()
		return w.launch()
	}
	return nil
}

// command runs a command of tailrace in a shell, as printed. It answers the command's questions, and executes what the
// command prints for the operator.
func (w *settling) command(ctx context.Context, command string, st State) error {
	switch strings.Fields(command)[1] {
	case "drop":
		w.daemon.Kill()
		command += " -yes"
	case "accept":
		command += " -yes"
	}
	line := w.Binary + strings.TrimPrefix(command, "tailrace")
	out, code := run("sh", "-c", line)
	for range mostRepairs {
		steps := unmade(out)
		if code != 1 || len(steps) == 0 {
			break
		}
		for _, step := range steps {
			if err := w.step(ctx, step, st); err != nil {
				return err
			}
		}
		out, code = run("sh", "-c", line)
	}
	if code != 0 {
		return w.fault(FixFailed, fmt.Sprintf("%s: exit code %d: %s, in the fix of %s", command, code, strings.TrimSpace(out), st))
	}
	return nil
}

// mostRepairs is how often verify is run again after the SQL that it prints.
const mostRepairs = 5

// unmade returns the SQL that verify prints for what it cannot create by itself. It is on separate lines.
func unmade(out string) (steps []Step) {
	for line := range strings.Lines(out) {
		if sqlStart.MatchString(line) {
			steps = append(steps, Steps(line, false)...)
		}
	}
	return slices.DeleteFunc(steps, func(s Step) bool { return s.SQL == "" })
}

// run runs a program to its end.
func run(name string, args ...string) (out string, code int) {
	text, err := exec.Command(name, args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(text), exit.ExitCode()
	case err != nil:
		return err.Error(), -1
	}
	return string(text), 0
}
