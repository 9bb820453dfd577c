// Command tour is the tour itself, which cmd/demo builds and becomes. Its argument is a folder of its own, which contains
// the program tailrace; it runs in the repository.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	runtime.LockOSThread() // the daemon ends with its parent's thread: this one lives as long as the process
	once := flag.Bool("once", false, "go through the tour without waiting for anyone, check it, and end")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "tour: it is started by: go run ./cmd/demo")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	screen := newScreen(os.Stdout, os.Stdin, !*once)
	os.Exit(run(ctx, &tour{stage: &stage{screen: screen, dir: flag.Arg(0)}, once: *once}))
}

// run runs the tour and returns the exit code.
func run(ctx context.Context, t *tour) int {
	s := t.screen
	err := t.run(ctx)
	interrupted := ctx.Err() != nil
	if interrupted {
		s.line("")
		s.line("stopping")
	} else if err != nil {
		s.failure(err, t.daemon)
	}
	t.close(err == nil || interrupted)
	if err != nil && (t.once || !interrupted) {
		return 1
	}
	return 0
}
