// Command demo is the five-minute tour of tailrace and needs no setup: a real Postgres, a Kafka inside the process,
// the real daemon on examples/demo, and a small shop that writes. With -once it waits for no input, checks what it shows,
// and exits 0 or 1; without it, it goes on until Ctrl-C.
//
// This program only builds the daemon and the tour, and reports its progress. It imports only the
// standard library, so that it prints within seconds, even if everything has to be downloaded and compiled first.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	once := flag.Bool("once", false, "go through the tour without waiting for anyone, check it, and end")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: unexpected argument %q: there is only -once\n", flag.Arg(0))
		os.Exit(2)
	}
	fmt.Println("tailrace, the five-minute tour: a real Postgres, a Kafka in this process, the real daemon.")
	fmt.Println()
	if err := start(*once); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// start builds the programs into a folder and becomes the tour, which owns the folder from then on.
func start(once bool) error {
	root, err := repository()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tailrace-demo-")
	if err != nil {
		return fmt.Errorf("create a folder: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	if err := build(ctx, root, dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	stop()
	tour := filepath.Join(dir, "tour")
	if err := os.Chdir(root); err != nil {
		return err
	}
	return syscall.Exec(tour, []string{tour, fmt.Sprintf("-once=%t", once), dir}, os.Environ())
}

// repository finds the folder of go.mod.
func repository() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(root, "examples", "demo")); err != nil {
		return "", errors.New("the demo runs inside a clone of the repository: go run ./cmd/demo")
	}
	return root, nil
}

// build compiles tailrace and the tour, and reports every few seconds that it is still at work.
func build(ctx context.Context, root, dir string) error {
	fmt.Println("    building tailrace and the tour: a moment, or a few minutes when all has to be downloaded and compiled")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", dir+"/", "./cmd/tailrace", "./cmd/demo/tour")
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin, again, done := time.Now(), time.NewTicker(5*time.Second), make(chan error, 1)
	go func() { done <- cmd.Run() }()
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				return fmt.Errorf("build: %w\n%s", err, strings.TrimSpace(out.String()))
			}
			return nil
		case <-again.C:
			fmt.Printf("    … building, %s so far\n", time.Since(begin).Round(time.Second))
		}
	}
}
