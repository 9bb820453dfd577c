// Command demo is the five-minute tour of tailrace, with nothing set up: a real Postgres, a Kafka inside this process,
// the real daemon on examples/demo, and a small shop that writes. With -once it waits for nobody, checks what it shows,
// and exits 0 or 1; without it, it goes on until Ctrl-C.
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
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: %q is one too many: there is only -once\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	os.Exit(run(ctx, newScreen(os.Stdout, os.Stdin, !*once), *once))
}

// run goes on the tour and gives the exit code.
func run(ctx context.Context, s *screen, once bool) int {
	t := &tour{stage: &stage{screen: s}, once: once}
	err := t.run(ctx)
	interrupted := ctx.Err() != nil
	if interrupted {
		s.line("")
		s.line("stopping")
	} else if err != nil {
		s.failure(err, t.stage.daemon)
	}
	t.stage.close(err == nil || interrupted)
	if err != nil && !(interrupted && !once) {
		return 1
	}
	return 0
}
