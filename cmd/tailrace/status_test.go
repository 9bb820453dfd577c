package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
)

func TestStatusJSON(t *testing.T) {
	r := tailrace(t, "status", "-json", "-url", serve(t, &moving{cache: 0x18}))
	r.expect(t, 0, `"held":"0/18+7"`, "")
	var list []pipeline.Status
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list) != 1 || list[0].Name != "orders" {
		t.Errorf("%v: %s", err, r.out)
	}
}

func TestStatusIsDrawnOnceWithoutATerminal(t *testing.T) {
	r := tailrace(t, "status", "-url", serve(t, &moving{cache: 0x18}))
	r.expect(t, 0, "RETRYING redis_down", "")
	if strings.Contains(r.out, "\x1b") {
		t.Errorf("escapes without a terminal: %q", r.out)
	}
}

func TestStatusWatchesUntilASignal(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := process(ctx, nil, "status", "-watch", "-json", "-url", serve(t, &moving{}))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(out)
	for range 2 {
		var list []pipeline.Status
		if err := lines.Decode(&list); err != nil || len(list) != 1 {
			t.Fatalf("%v %v", list, err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestWatchGoesOnWhileTheDaemonIsAway(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var out bytes.Buffer
	looks := 0
	err := watchStatus(ctx, &app{out: &out}, true, func() ([]byte, error) {
		if looks++; looks == 2 {
			cancel()
		}
		return nil, os.ErrClosed
	})
	if err != nil || looks != 2 {
		t.Errorf("%d looks, %v", looks, err)
	}
	if got := out.String(); got != "\x1b[Hfile already closed\x1b[K\n\x1b[J" {
		t.Errorf("%q", got)
	}
}
