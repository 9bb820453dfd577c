package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// pipelineFile is the daemon's configuration. The slot exists and no sink has a record: start = "now"
// lets it start at the slot's position.
const pipelineFile = `
daemon { listen = %q }
pipeline %q {
  source "postgres" {
    url         = %q
    manage      = false
    publication = %q
    slot        = %q
  }
%s}
`

func (p *Program) tailrace(ctx context.Context, binary, profiles string) error {
	listen, err := testenv.FreeAddress()
	if err != nil {
		return err
	}
	j := p.job
	file := filepath.Join(p.dir, "pipeline.hcl")
	text := fmt.Sprintf(pipelineFile, listen, j.Name, j.From.URL(j.Over), site.Publication, j.Name, p.sinks())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	args := []string{"run", file}
	if profiles != "" {
		args = append(args, filepath.Join(profiles, j.From.Name+"_"+j.Name+".pprof"))
	}
	p.listen = listen
	p.cmd = exec.CommandContext(ctx, binary, args...)
	topics := j.Topics()
	p.progress = func() (float64, bool, error) {
		accepted, done, err := acceptedRows(ctx, listen, j.From.Rows)
		if err != nil || j.Sink.Kind != Kafka || j.Sink.Creates {
			return accepted, done, err
		}
		n, err := j.From.Site.Records(j.Sink.Partitions, topics) // stored is less than accepted
		return float64(n), done, err
	}
	return nil
}

// sinks returns the blocks of the file.
func (p *Program) sinks() string {
	var b strings.Builder
	j := p.job
	for i := range max(1, j.Sink.Count) {
		switch j.Sink.Kind {
		case None:
			fmt.Fprintf(&b, "  sink \"none\" \"sink%d\" {\n    report = %q\n%s  }\n", i, p.delays(), j.Sink.Blocks)
		case Stdout:
			fmt.Fprintf(&b, "  sink \"stdout\" \"sink%d\" {}\n", i)
		case Tables:
			fmt.Fprintf(&b, "  sink \"postgres\" \"sink%d\" {\n    url = %q\n    start = \"now\"\n  }\n", i, j.Into.URL(j.Over))
		case Kafka:
			topic := ""
			if j.Sink.OneTopic {
				topic = fmt.Sprintf("    topic = %q\n", j.Topics()[i])
			}
			if j.Sink.Creates {
				topic += fmt.Sprintf("    create_topics {\n      partitions = %d\n    }\n", j.Sink.Partitions)
			}
			fmt.Fprintf(&b, "  sink \"kafka\" \"sink%d\" {\n    brokers = [%q]\n    format = %q\n    progress_topic = %q\n    start = \"now\"\n%s%s  }\n", i,
				j.From.Site.Kafka.Brokers()[0], j.Sink.Format, j.Name+".progress", topic, j.Sink.Blocks)
		}
	}
	return b.String()
}

// delays returns the file that the sink "none" writes its delays to; "": none.
func (p *Program) delays() string {
	if !p.job.Delays {
		return ""
	}
	return filepath.Join(p.dir, "delays.json")
}

// Delays stops tailrace and returns the time from a commit to its sink: milliseconds, by percentile.
func (p *Program) Delays() (map[string]float64, error) {
	p.end()
	text, err := os.ReadFile(p.delays())
	if err != nil {
		return nil, fmt.Errorf("read delays: %w", err)
	}
	var out map[string]float64
	return out, json.Unmarshal(text, &out)
}

// acceptedRows asks the daemon how many rows its sinks have accepted, and whether all of them are durable there.
func acceptedRows(ctx context.Context, listen string, rows int) (float64, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listen+"/api/v1/pipelines", nil)
	if err != nil {
		return 0, false, err
	}
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return 0, false, nil // it is starting, or it has stalled
	}
	defer answer.Body.Close()
	var all []pipeline.Status
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		return 0, false, fmt.Errorf("read the daemon's status: %w", err)
	}
	if len(all) == 0 {
		return 0, false, errors.New("the daemon has no pipeline")
	}
	if s := all[0].State; s.Kind == pipeline.Halted {
		return 0, false, fmt.Errorf("halted: %s: %s", s.Name, s.Reason)
	}
	events, done := int64(rows), true
	for _, k := range all[0].Sinks {
		if k.State.Kind == pipeline.Halted {
			return 0, false, fmt.Errorf("sink halted: %s: %s", k.State.Name, k.State.Reason)
		}
		events = min(events, k.Events)
		done = done && k.Events >= int64(rows) && !k.Durable.Before(k.Accepted)
	}
	return float64(events), done, nil
}
