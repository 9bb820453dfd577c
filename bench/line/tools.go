package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// figure is what one drain cost.
type figure struct {
	took                    time.Duration
	tool, walsender, broker time.Duration // CPU
	rss                     int64         // bytes, at most
}

// pipelineFile is what the daemon runs. The slot is there and no sink has a record, so it starts where the slot stands.
const pipelineFile = `
daemon { listen = %q }
pipeline "bench" {
  source "postgres" {
    url         = %q
    manage      = false
    publication = "bench"
    slot        = %q
  }
  sink "kafka" "bus" {
    brokers        = [%s]
    topic          = %q
    progress_topic = %q
    format         = %q
  }
}
`

func (s *site) tailrace(ctx context.Context, i int) (f figure, err error) {
	slot, topic := fmt.Sprintf("ours_%d", i), fmt.Sprintf("bench%d", i)
	if err := s.topic(topic); err != nil {
		return f, err
	}
	if err := s.slot(ctx, slot); err != nil {
		return f, err
	}
	listen, err := testenv.FreeAddress()
	if err != nil {
		return f, err
	}
	file := filepath.Join(s.dir, slot+".hcl")
	text := fmt.Sprintf(pipelineFile, listen, s.pg.URL(), slot, `"`+strings.Join(s.kafka.Brokers(), `", "`)+`"`, topic, topic+".progress", s.format)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return f, err
	}
	cmd := exec.CommandContext(ctx, s.binary, "run", file)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	f, err = s.watch(ctx, cmd, slot, func() (bool, error) { return s.held(listen) })
	if err != nil {
		return f, err
	}
	return f, s.dropSlot(ctx, slot)
}

// held asks the daemon whether its sink holds the backlog.
func (s *site) held(listen string) (bool, error) {
	end, err := capture.ParseLSN(s.end)
	if err != nil {
		return false, err
	}
	r, err := http.Get("http://" + listen + "/api/v1/pipelines")
	if err != nil {
		return false, nil // it is starting
	}
	defer r.Body.Close()
	var all []pipeline.Status
	if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
		return false, err
	}
	k := all[0].Sinks[0]
	if k.State.Kind == pipeline.Halted {
		return false, fmt.Errorf("halted: %s", k.State.Reason)
	}
	return k.Held.LSN >= end, nil
}

func (s *site) recvlogical(ctx context.Context, i int) (f figure, err error) {
	slot := fmt.Sprintf("theirs_%d", i)
	if err := s.slot(ctx, slot); err != nil {
		return f, err
	}
	cmd := exec.CommandContext(ctx, "pg_recvlogical", "-d", s.pg.URL(), "-S", slot, "--start", "--no-loop", "-f", "/dev/null",
		"-o", "proto_version=1", "-o", "publication_names=bench", "--endpos", s.end)
	f, err = s.watch(ctx, cmd, slot, func() (bool, error) { return exited(cmd.Process.Pid), nil })
	if err != nil {
		return f, err
	}
	return f, s.dropSlot(ctx, slot)
}

// exited says whether a child has ended and waits to be asked for its status.
func exited(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}

// watch runs a tool until it is done, and samples what is used meanwhile.
func (s *site) watch(ctx context.Context, cmd *exec.Cmd, slot string, done func() (bool, error)) (f figure, err error) {
	broker := s.kafka.Nodes[0].Pid()
	before, began := cpu(broker), time.Now()
	if err := cmd.Start(); err != nil {
		return f, err
	}
	sender := 0
	for ended := false; !ended; {
		time.Sleep(20 * time.Millisecond)
		if ended, err = done(); err != nil {
			break
		}
		if sender == 0 {
			sender = s.walsender(ctx, slot)
		}
		f.took = time.Since(began)
		f.tool = max(f.tool, cpu(cmd.Process.Pid))
		f.walsender = max(f.walsender, cpu(sender))
		f.rss = max(f.rss, peak(cmd.Process.Pid))
	}
	f.broker = cpu(broker) - before
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	return f, err
}
