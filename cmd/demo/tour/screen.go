package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// screen prints numbered steps and their lines. One goroutine uses it.
type screen struct {
	out      io.Writer
	steps    int
	bold     string // escapes around a step's title; "" if out is not a terminal
	plain    string
	terminal bool
	enter    chan struct{} // receives each line typed; nil without pauses
}

// newScreen prints to out. When pauses is set and both are terminals, pause waits for Enter.
func newScreen(out, in *os.File, pauses bool) *screen {
	s := &screen{out: out, terminal: isTerminal(out)}
	if s.terminal && os.Getenv("NO_COLOR") == "" {
		s.bold, s.plain = "\x1b[1m", "\x1b[0m"
	}
	if pauses && s.terminal && isTerminal(in) {
		s.enter = make(chan struct{})
		go s.read(in)
	}
	return s
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

func (s *screen) read(in io.Reader) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		s.enter <- struct{}{}
	}
}

// step begins a step.
func (s *screen) step(title string) {
	s.steps++
	fmt.Fprintf(s.out, "\n%s%2d  %s%s\n", s.bold, s.steps, title, s.plain)
}

// line prints a line of the current step.
func (s *screen) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if text != "" {
		text = "    " + text
	}
	fmt.Fprintln(s.out, text)
}

// live prints a line that the next one replaces, if out is a terminal.
func (s *screen) live(format string, args ...any) {
	if s.terminal {
		fmt.Fprintf(s.out, "\r    %s\x1b[K", fmt.Sprintf(format, args...))
		return
	}
	s.line(format, args...)
}

// pause waits for Enter, if pauses are enabled.
func (s *screen) pause(ctx context.Context) error {
	if s.enter == nil {
		return ctx.Err()
	}
	fmt.Fprint(s.out, "\n    [Enter]")
	select {
	case <-s.enter:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// during reports every few seconds that work goes on, until it is done.
func (s *screen) during(what string, work <-chan error) error {
	begin := time.Now()
	again := time.NewTicker(5 * time.Second)
	defer again.Stop()
	for {
		select {
		case err := <-work:
			return err
		case <-again.C:
			s.line("… %s, %s so far", what, time.Since(begin).Round(time.Second))
		}
	}
}

// failure prints what went wrong and the end of the daemon's log, when it has run.
func (s *screen) failure(err error, d *daemon) {
	s.line("")
	s.line("FAILED: %s", strings.ReplaceAll(err.Error(), "\n", "\n    "))
	if d != nil {
		s.line("the end of the daemon's log, %s:", d.logPath)
		s.line("%s", strings.ReplaceAll(d.logTail(), "\n", "\n    "))
	}
}

// count formats n with commas, as in 12,345.
func count[T int | int64](n T) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// short formats a duration with a useful number of digits.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
