package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAskOnATerminal(t *testing.T) {
	for answer, want := range map[string]error{
		"y\n": nil, "YES\n": nil, "\n": exit(failed), "n\n": exit(failed), "yesterday\n": exit(failed),
	} {
		person, terminal := openTerminal(t)
		if !isTerminal(terminal) {
			t.Fatal("it is not taken for a terminal")
		}
		if _, err := person.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := ask(&app{in: terminal, out: &out}, "Remove it?", "nothing was removed"); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", answer, err, want)
		}
		if want != nil && !strings.HasSuffix(out.String(), "nothing was removed\n") {
			t.Errorf("%q: it says %q", answer, out.String())
		}
	}
}

// openTerminal gives the two ends of a terminal of our own.
func openTerminal(t *testing.T) (person, terminal *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return person, terminal
}
