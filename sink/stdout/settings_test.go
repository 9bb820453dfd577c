package stdout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/stdout"
)

func TestNumericSetting(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "string": true, "number": true, "float": false} {
		s := stdout.Settings{Numeric: text}
		if got := s.CheckSettings(config.Positions{}); got.HasErrors() == ok {
			t.Errorf("numeric = %q: %v", text, got)
		}
	}
	var s stdout.Settings
	if errs := s.Check(t.Context(), "p", "s"); errs != nil {
		t.Error(errs)
	}
	if lines, err := s.Drop(t.Context(), "p", "s", capture.Origin{}, false); lines != nil || err != nil {
		t.Error(lines, err)
	}
}

// deleting are the settings of a step that deletes rows from the source.
type deleting bool

func (d deleting) Deletes() bool { return bool(d) }

func TestStepsThatDeleteRowsAreRefused(t *testing.T) {
	var s stdout.Settings
	for delete, want := range map[bool]int{true: 1, false: 0} {
		steps := []config.Step{{Kind: "outbox", Settings: deleting(delete)}, {Kind: "mask", Settings: struct{}{}}}
		if d := s.UseSteps(steps); len(d) != want {
			t.Errorf("deletes is %v: %v", delete, d)
		}
	}
}

// child is set in a process that prints to its real standard output. It reports the result on standard error.
const child = "TAILRACE_TEST_STDOUT_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	if err := printTwice(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func printTwice() error {
	settings := stdout.Settings{Numeric: "number"}
	s, err := settings.Sink("shop", "out", zap.NewNop())
	if err != nil {
		return err
	}
	var failed error
	for range 2 {
		w, _, err := s.Open(context.Background(), sink.Lane{OnDurable: func(p capture.Position) { fmt.Fprintln(os.Stderr, "held", p) }})
		if err != nil {
			return err
		}
		failed = errors.Join(failed, w.Write(context.Background(), []sink.Batch{batch(0x100, "a")}), w.Close())
	}
	return errors.Join(failed, s.Close())
}

func TestRealStandardOutput(t *testing.T) {
	out, seen := run(t, nil)
	if want := strings.Repeat(line(0x100, 0, "a"), 2); out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
	if want := "held 0/108\nheld 0/108\n"; seen != want {
		t.Errorf("seen %q, want %q", seen, want)
	}
}

// Go terminates a process that writes to a broken pipe on descriptor 1; a daemon with other pipelines must continue.
func TestStandardOutputWithoutAReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	_, seen := run(t, w)
	if strings.Count(seen, "stdout_closed: ") != 2 || strings.Contains(seen, "held") {
		t.Errorf("seen %q", seen)
	}
}

// run starts this test binary as the child and returns what it wrote to its standard output and error. It fails when the
// child exits with an error.
func run(t *testing.T, out *os.File) (string, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if out != nil {
		cmd.Stdout = out
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	return stdout.String(), stderr.String()
}
