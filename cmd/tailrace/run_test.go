package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// daemonProcess is `tailrace run` in a process of its own.
type daemonProcess struct {
	cmd *exec.Cmd
	url string
	out lockedBuffer // what the stdout sinks print
	log lockedBuffer
}

// lockedBuffer is read while the process still writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startDaemon runs a file that listens at the address, and waits until it does.
func startDaemon(t *testing.T, env []string, address, file string, flags ...string) *daemonProcess {
	t.Helper()
	return startDaemonFor(t, time.Minute, env, address, file, flags...)
}

// startDaemonFor starts a daemon that is killed after limit, or should the test end early.
func startDaemonFor(t *testing.T, limit time.Duration, env []string, address, file string, flags ...string) *daemonProcess {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	d := &daemonProcess{cmd: process(ctx, env, append(append([]string{"run"}, flags...), file)...), url: "http://" + address}
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil {
		if _, err := d.get("/healthz"); err == nil {
			return d
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it does not listen: %s", &d.log)
	return nil
}

func (d *daemonProcess) get(path string) (string, error) {
	resp, err := http.Get(d.url + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// stop sends SIGTERM and gives the exit code.
func (d *daemonProcess) stop(t *testing.T) int {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d.cmd.Wait() // its error is the exit code
	return d.cmd.ProcessState.ExitCode()
}

func TestRunGoesOnWithoutItsServerAndEndsWithCodeZero(t *testing.T) {
	address := unusedAddress(t)
	file := place(t, "orders.hcl", orders(unusedAddress(t), address))
	d := startDaemon(t, []string{"PASSWORD=x"}, address, file)
	tailrace(t, "status", "-url", d.url).expect(t, 0, "orders  ", "")
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
	lines := strings.Split(strings.TrimSpace(d.log.String()), "\n")
	for _, line := range lines {
		var l struct {
			Level, Msg string
			Time       time.Time
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Level == "" || l.Msg == "" || l.Time.IsZero() {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestRunWhereAnotherOneListens(t *testing.T) {
	address := unusedAddress(t)
	file := place(t, "orders.hcl", orders(unusedAddress(t), address))
	d := startDaemon(t, []string{"PASSWORD=x"}, address, file, "-log-format", "console")
	tailraceWith(t, []string{"PASSWORD=x"}, "", "run", file).expect(t, 1, "", "listen on "+address)
	if d.stop(t); !strings.Contains(d.log.String(), "INFO\tstarted") {
		t.Errorf("the console's log: %s", &d.log)
	}
}

// The canary: what comes from env() and file() is in nothing that any verb or the server gives out.
func TestSecretsAreNowhere(t *testing.T) {
	const inURL, password, token, sasl = "canary-in-url-1d29", "canary-password-77aa", "canary-token-51ce", "canary-sasl-3bd0"
	env := []string{"URLPASSWORD=" + inURL, "TOKEN=" + token, "SASL=" + sasl}
	secretFile := place(t, "password", password+"\n")
	address := unusedAddress(t)
	text := fmt.Sprintf(`
daemon {
  listen = %q
  token  = env("TOKEN")
}
pipeline "one" {
  source "postgres" {
    url      = "postgres://tailrace@%s/shop?sslmode=disable"
    password = file(%q)
    tables   = ["public.orders"]
  }
  sink "stdout" "out" {}
}
pipeline "two" {
  source "postgres" {
    url    = "postgres://tailrace:${env("URLPASSWORD")}@%s/shop?sslmode=disable"
    tables = ["public.orders"]
  }
  sink "kafka" "bus" {
    brokers = [%q]
    sasl {
      mechanism = "PLAIN"
      username  = "tailrace"
      password  = env("SASL")
    }
  }
}
`, address, unusedAddress(t), secretFile, unusedAddress(t), unusedAddress(t))
	file := place(t, "canary.hcl", text)
	outputs := map[string]string{}
	verb := func(args ...string) {
		r := tailraceWith(t, env, "", args...)
		outputs[strings.Join(args, " ")] = r.out + r.err
	}
	d := startDaemon(t, env, address, file, "-log-level", "debug")
	for _, path := range []string{
		"/", "/metrics", "/readyz", "/readyz?strict", "/api/v1/pipelines", "/api/v1/pipelines/two",
		"/api/v1/pipelines/one/wal", "/api/v1/pipelines/two/wal",
	} {
		body, err := d.get(path)
		if err != nil {
			t.Fatal(err)
		}
		outputs[path] = body
	}
	verb("status", "-url", d.url)
	verb("status", "-json", "-url", d.url)
	verb("wait", "-pipeline", "two", "-timeout", "200ms", "-url", d.url)
	verb("check", "-offline", file)
	verb("check", file)
	verb("run", "-strict", file)
	verb("drop", "-pipeline", "one", "-yes", file)
	verb("drop", "-pipeline", "two", "-yes", file)
	for name, wrong := range map[string]string{
		"unknown attribute":    strings.ReplaceAll(text, "tables ", "tabels "),
		"not a URL":            strings.Replace(text, `url    = "postgres://`, `url = "mysql://`, 1),
		"a number is wanted":   strings.Replace(text, `sink "stdout" "out" {}`, `sink "stdout" "out" { numeric = env("TOKEN") }`, 1),
		"a secret as a size":   strings.Replace(text, `pipeline "two" {`, `pipeline "two" {`+"\n"+`  window = env("TOKEN")`, 1),
		"an unknown mechanism": strings.Replace(text, `"PLAIN"`, `env("SASL")`, 1),
		"a password in a list": strings.Replace(text, `brokers = [`, `brokers = [env("SASL"), `, 1),
		"a secret as a place":  strings.Replace(text, fmt.Sprintf("listen = %q", address), `listen = env("TOKEN")`, 1),
	} {
		bad := place(t, "bad.hcl", wrong)
		r := tailraceWith(t, env, "", "check", bad)
		if r.code != 2 {
			t.Errorf("%s: exit code %d: %s%s", name, r.code, r.out, r.err)
		}
		outputs[name] = r.out + r.err
		verb("run", bad)
	}
	d.stop(t)
	outputs["the log"] = d.log.String()
	for where, output := range outputs {
		for _, secret := range []string{inURL, password, token, sasl} {
			if strings.Contains(output, secret) {
				t.Errorf("%s shows %s:\n%s", where, secret, output)
			}
		}
		if output == "" {
			t.Errorf("%s gave nothing: the test looks at the wrong place", where)
		}
	}
}
