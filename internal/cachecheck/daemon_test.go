package cachecheck

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/tailrace/tailrace/internal/testenv"
)

// daemon is the real program, as a process that can be killed and paused.
type daemon struct {
	rig     *rig
	binary  string
	file    string // of the pipeline
	log     string
	listen  string
	process *exec.Cmd
}

// pipelineFile has one sink for all clients of the protocol and for plain clients that it does not promise anything, and one with
// plain_fillers.
const pipelineFile = `
daemon { listen = %q }

pipeline "shop" {
  source "postgres" {
    url    = %q
    tables = ["public.hot", "public.nudge", "public.reset"]
    snapshot { mode = "never" }
  }
  sink "redis" "exactly" {
    url  = "redis://%[3]s/0"
    hold = "2s"
    invalidate "public.hot" {
      keys = ["plain:${row.id}", "lease:${row.id}", "lsn:${row.id}", "full:${row.id}", "behind:${row.id}", "standby:${row.id}",
        "group:${row.grp}"]
    }
    invalidate "public.reset" { keys = ["reset:${row.id}"] }
    refresh "public.hot" {
      key   = "refresh:${row.id}"
      value = row.version
    }
  }
  sink "redis" "fillers" {
    url           = "redis://%[3]s/1"
    hold          = "4s"
    plain_fillers = true
    invalidate "public.hot" { keys = ["filler:${row.id}"] }
    invalidate "public.reset" { keys = ["reset:${row.id}"] }
  }
}
`

func newDaemon(r *rig) *daemon {
	dir := r.TempDir()
	d := &daemon{rig: r, binary: testenv.SharedTailrace(r), file: filepath.Join(dir, "shop.hcl"), log: filepath.Join(dir, "log")}
	var err error
	d.listen, err = testenv.FreeAddress()
	r.must(err)
	r.must(os.WriteFile(d.file, fmt.Appendf(nil, pipelineFile, d.listen, r.primary.URL(), r.redisLink.Addr()), 0o600))
	return d
}

// start starts the daemon and waits until it streams.
func (d *daemon) start() {
	d.rig.Helper()
	out, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	d.rig.must(err)
	defer out.Close()
	d.process = exec.Command(d.binary, "run", d.file)
	d.process.Stdout, d.process.Stderr = out, out
	d.rig.must(d.process.Start())
	d.rig.until("the daemon to stream", func() bool {
		answer, err := http.Get("http://" + d.listen + "/readyz?strict")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// kill kills the daemon as kill -9 does.
func (d *daemon) kill() {
	_ = d.process.Process.Kill()
	_ = d.process.Wait()
}

func (d *daemon) pause()  { d.rig.must(d.process.Process.Signal(syscall.SIGSTOP)) }
func (d *daemon) resume() { d.rig.must(d.process.Process.Signal(syscall.SIGCONT)) }

// end kills the daemon, and shows its log if the test has failed.
func (d *daemon) end() {
	if d.process != nil {
		d.kill()
	}
	if d.rig.Failed() {
		d.rig.Log(d.logTail())
	}
}

func (d *daemon) logTail() string {
	text, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-6000):])
}
