package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv"
)

// asTailrace makes the test's own binary be tailrace, so that what is tested is a process: signals, streams, exit codes.
const asTailrace = "TAILRACE_TEST_MAIN"

// asStuck makes it be a tailrace whose drain never ends.
const asStuck = "TAILRACE_TEST_STUCK"

func TestMain(m *testing.M) {
	if os.Getenv(asStuck) != "" {
		ctx := untilSignal(context.Background())
		fmt.Println("runs")
		<-ctx.Done()
		fmt.Println("drains")
		select {}
	}
	if os.Getenv(asTailrace) != "" {
		main()
	}
	testenv.Main(m)
}

// process is tailrace, not started yet, with nothing but env in its environment.
func process(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append([]string{asTailrace + "=1"}, env...)
	return cmd
}

// result is what a process left.
type result struct {
	code     int
	out, err string
}

// tailrace runs the command to its end.
func tailrace(t *testing.T, args ...string) result {
	t.Helper()
	return tailraceWith(t, nil, "", args...)
}

func tailraceWith(t *testing.T, env []string, input string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := process(ctx, env, args...)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &stderr
	err := cmd.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
}

// expect checks the exit code, and that both streams say what they must. An empty text must be empty.
func (r result) expect(t *testing.T, code int, out, err string) {
	t.Helper()
	if r.code != code || !says(r.out, out) || !says(r.err, err) {
		t.Errorf("exit code %d, want %d\nout: %s\nwant: %s\nerr: %s\nwant: %s", r.code, code, r.out, out, r.err, err)
	}
}

func says(text, want string) bool {
	if want == "" {
		return text == ""
	}
	return strings.Contains(text, want)
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args     string
		code     int
		out, err string
	}{
		{"", 2, "", "usage: tailrace VERB"},
		{"help", 0, "usage: tailrace VERB", ""},
		{"-h", 0, "usage: tailrace VERB", ""},
		{"--help", 0, "usage: tailrace VERB", ""},
		{"help wait", 0, "usage: tailrace wait", ""},
		{"help wiat", 2, "", `unknown verb "wiat"; did you mean "wait"?`},
		{"chekc", 2, "", `unknown verb "chekc"; did you mean "check"?`},
		{"destroy", 2, "", `unknown verb "destroy"` + "\n"},
		{"run", 2, "", "give at least one PATH"},
		{"run -strickt x.hcl", 2, "", "-strickt"},
		{"run -log-level loud x.hcl", 2, "", `-log-level "loud"`},
		{"run -log-format xml x.hcl", 2, "", `-log-format "xml"`},
		{"check", 2, "", "give at least one PATH"},
		{"check nowhere.hcl", 2, "", "nowhere.hcl does not exist"},
		{"status orders", 2, "", `unexpected argument "orders"`},
		{"status -url 127.0.0.1:9187", 2, "", "is not a URL such as"},
		{"status -watch=perhaps", 2, "", `"perhaps" is neither`},
		{"status -url http://127.0.0.1:1", 1, "", "no daemon answers"},
		{"wait", 2, "", "-pipeline is missing"},
		{"wait -pipeline orders -lsn 12", 2, "", `"12" is not an LSN`},
		{"wait -pipeline orders -timeout soon", 2, "", `"soon"`},
		{"wait -pipeline orders orders.hcl", 2, "", "unexpected argument"},
		{"drop orders.hcl", 2, "", "-pipeline is missing"},
		{"drop -pipeline orders", 2, "", "give at least one PATH"},
		{"fmt", 2, "", "give at least one PATH"},
		{"version 2", 2, "", `unexpected argument "2"`},
	} {
		t.Run(c.args, func(t *testing.T) {
			tailrace(t, strings.Fields(c.args)...).expect(t, c.code, c.out, c.err)
		})
	}
}

func TestEveryVerbHasHelpWithAnExample(t *testing.T) {
	for _, name := range verbNames() {
		r := tailrace(t, name, "-h")
		r.expect(t, 0, "example:\n  tailrace "+name, "")
		if !strings.Contains(r.out, "usage: tailrace "+name) {
			t.Errorf("%s: %s", name, r.out)
		}
	}
}

func TestFlagsMayStandBehindArguments(t *testing.T) {
	flags := newFlags("check")
	offline := flags.Bool("offline", false, "")
	for _, c := range []struct{ args, rest string }{
		{"-offline a b", "a b"}, {"a -offline b", "a b"}, {"a b -offline", "a b"}, {"-offline -- -a b", "-a b"}, {"", ""},
	} {
		*offline = false
		rest, err := parse(flags, strings.Fields(c.args))
		if err != nil || strings.Join(rest, " ") != c.rest || *offline != (c.args != "") {
			t.Errorf("%q: %q %v %v", c.args, rest, *offline, err)
		}
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := process(ctx, []string{asStuck + "=1"})
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for _, want := range []string{"runs", "drains"} {
		if !said.Scan() || said.Text() != want {
			t.Fatalf("it said %q, want %q", said.Text(), want)
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Wait() // its error is the exit code
	if code := cmd.ProcessState.ExitCode(); code != failed {
		t.Errorf("exit code %d", code)
	}
}

func TestVersion(t *testing.T) {
	tailrace(t, "version").expect(t, 0, "tailrace (devel)", "")
	tailrace(t, "--version").expect(t, 0, "tailrace (devel)", "")
	tailrace(t, "version", "-json").expect(t, 0, `{"version":"(devel)"`, "")
}
