package e2e

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/ledger"
	"github.com/tailrace/tailrace/internal/ledger/workload"
	"github.com/tailrace/tailrace/internal/testenv"
)

// tailrace is the real daemon: processes of the binary.
type tailrace struct {
	binary string
	listen map[int]string // by the number of the process
	text   string         // of the pipeline file; "": pipelineFile
}

// build returns the package's binary; with TAILRACE_RACE set, built with the race detector.
func build(t *testing.T) *tailrace {
	t.Helper()
	var flags []string
	if os.Getenv("TAILRACE_RACE") != "" {
		flags = append(flags, "-race")
	}
	return &tailrace{binary: testenv.SharedTailrace(t, flags...), listen: map[int]string{}}
}

const pipelineFile = `
daemon { listen = %q }

pipeline "ledger" {
  source "postgres" {
    url    = %q
    tables = ["%s"]
  }
  sink "kafka" "bus" {
    brokers = ["%s"]
    format  = "json"
    create_topics { partitions = %d }
  }
}
`

func (p *tailrace) command(r *rig, n int) *exec.Cmd {
	p.listen[n] = freeAddress(r.t)
	file := filepath.Join(r.dir, fmt.Sprintf("pipeline-%d.hcl", n))
	text := fmt.Sprintf(cmp.Or(p.text, pipelineFile), p.listen[n], r.url(), strings.Join(workload.Tables(), `", "`),
		strings.Join(r.kafka.Brokers(), `", "`), partitions)
	r.must(os.WriteFile(file, []byte(text), 0o600))
	return exec.Command(p.binary, "run", file)
}

func (p *tailrace) slot() string { return "tailrace_ledger" }

// ready waits until the snapshot is durable and the stream has begun: an interrupted snapshot starts from scratch, without
// events for rows that were deleted meanwhile, which the oracles would report.
func (p *tailrace) ready(r *rig, d *daemon) {
	r.until("the daemon to stream", time.Minute, func() bool {
		if !d.running() {
			r.t.Fatalf("the daemon has ended: %s", d.logTail())
		}
		answer, err := http.Get("http://" + p.listen[d.number] + "/readyz?strict")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	p.wait(r, d)
}

// wait runs the command wait: until everything up to the end of the source's WAL is durable.
func (p *tailrace) wait(r *rig, d *daemon) {
	out, err := exec.Command(p.binary, "wait", "-pipeline", "ledger", "-timeout", "60s",
		"-url", "http://"+p.listen[d.number]).CombinedOutput()
	if err != nil {
		r.t.Errorf("tailrace wait: %v\n%s", err, out)
	}
}

// ended: no failure of a server or of the network may make the daemon exit.
func (p *tailrace) ended(r *rig, d *daemon) {
	r.t.Errorf("daemon %d ended by itself: %s\n%s", d.number, d.cmd.ProcessState, d.logTail())
}

// woken: the daemon may live on as a standby.
func (p *tailrace) woken(*rig, *daemon) {}

func (p *tailrace) sample(r *rig, d *daemon) ledger.Sample {
	answer, err := http.Get("http://" + p.listen[d.number] + "/metrics")
	r.must(err)
	defer answer.Body.Close()
	s := ledger.Sample{Lag: -1, Goroutines: -1, Descriptors: -1, RSS: -1}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		switch name, _, _ = strings.Cut(name, "{"); name {
		case "tailrace_lag_seconds":
			s.Lag = max(s.Lag, value)
		case "go_goroutines":
			s.Goroutines = int(value)
		case "process_open_fds":
			s.Descriptors = int(value)
		case "process_resident_memory_bytes":
			s.RSS = int64(value)
		}
	}
	return s
}

// drained expects the daemon to report that everything is durable, and to exit normally.
func (p *tailrace) drained(r *rig, d *daemon) {
	url := "http://" + p.listen[d.number]
	p.wait(r, d)
	if answer, err := http.Get(url + "/readyz?strict"); err != nil {
		r.t.Error(err)
	} else {
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			r.t.Errorf("drained, but not ready: %s", text)
		}
	}
	if code, err := d.terminate(10 * time.Second); code != 0 || err != nil {
		r.t.Errorf("SIGTERM: exit code %d, %v\n%s", code, err, d.logTail())
	}
}

// freeAddress returns an address without a listener.
func freeAddress(t *testing.T) string {
	t.Helper()
	a, err := testenv.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return a
}
