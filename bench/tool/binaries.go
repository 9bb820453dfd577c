package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Binaries are our programs, built once: the daemon as it is given to users, and one that has the kind of sink "none", as
// it is and with plain reads.
type Binaries struct{ product, none, plain string }

// Build builds into the folder dir. It is called in the repository.
func Build(ctx context.Context, dir string) (*Binaries, error) {
	b := &Binaries{filepath.Join(dir, "tailrace"), filepath.Join(dir, "none"), filepath.Join(dir, "plain")}
	const plain = "-X github.com/tailrace/tailrace/capture/postgres.reading=plain"
	for _, call := range [][]string{
		{"-o", b.product, "github.com/tailrace/tailrace/cmd/tailrace"},
		{"-o", b.none, "github.com/tailrace/tailrace/bench/decode"},
		{"-ldflags", plain, "-o", b.plain, "github.com/tailrace/tailrace/bench/decode"},
	} {
		build := exec.CommandContext(ctx, "go", append([]string{"build", "-trimpath"}, call...)...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", call[len(call)-1], err, out)
		}
	}
	return b, nil
}

// daemon is the program for a sink.
func (b *Binaries) daemon(s Sink, plain bool) string {
	switch {
	case plain:
		return b.plain
	case s.Kind == None:
		return b.none
	}
	return b.product
}
