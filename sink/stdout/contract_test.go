package stdout_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"sync"
	"testing"

	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/sinktest"
)

// terminal is an output shared by several processes.
type terminal struct {
	mu      sync.Mutex
	printed bytes.Buffer
}

func (o *terminal) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.printed.Write(b)
}

// seen parses the lines that were written.
func (o *terminal) seen(t *testing.T) []sinktest.Seen {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []sinktest.Seen
	for line := range bytes.Lines(o.printed.Bytes()) {
		var event struct {
			Row struct {
				ID  json.Number
				Ver json.Number
			}
		}
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, sinktest.Seen{Key: number(t, event.Row.ID), Version: number(t, event.Row.Ver)})
	}
	return out
}

func number(t *testing.T, n json.Number) int {
	t.Helper()
	v, err := strconv.Atoi(n.String())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestContract(t *testing.T) {
	sinktest.Run(t, func(*testing.T) sinktest.Target {
		var out terminal
		return sinktest.Target{
			New:               func(t *testing.T) sink.Sink { return newSink(t, &out) },
			Read:              out.seen,
			RecordUnsupported: true,
		}
	})
}
