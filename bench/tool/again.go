package tool

import (
	"context"
	"net/http"
	"os/exec"
	"time"

	"github.com/tailrace/tailrace/bench/proc"
)

// Again stops tailrace, restarts it with the same settings, and returns how long it takes until it streams.
func (p *Program) Again(ctx context.Context) (time.Duration, error) {
	p.end()
	again := exec.CommandContext(ctx, p.cmd.Path, p.cmd.Args[1:]...)
	p.cmd = again
	if err := p.start(); err != nil {
		return 0, err
	}
	for !p.streams(ctx) {
		if proc.Ended(p.Pid()) {
			return 0, p.failed()
		}
		if err := Pause(ctx, "wait for the stream"); err != nil {
			return 0, err
		}
	}
	return time.Since(p.began), nil
}

// streams reports whether the pipeline of tailrace streams to all of its sinks.
func (p *Program) streams(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.listen+"/readyz?strict", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
