package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Binaries are our programs, each built once: the daemon as users get it, and one with the sink type "none", as
// it is and with plain reads. They keep the paths of the source files, unlike a release: with -trimpath every dependency
// would have to be compiled again after `make test` has compiled it.
type Binaries struct {
	dir      string
	profiles string // a folder for a CPU profile of each run of tailrace; "": none are written, and the product runs unchanged
	stall    time.Duration
}

// NewBinaries builds into the folder dir, from the repository, in which the program runs. A tool that makes no progress for
// the time stall has failed; 0: no such limit.
func NewBinaries(dir, profiles string, stall time.Duration) *Binaries {
	return &Binaries{dir: dir, profiles: profiles, stall: stall}
}

// builds are the arguments of go build, after the name of the program.
var builds = map[string][]string{
	"tailrace": {"github.com/tailrace/tailrace/cmd/tailrace"},
	"none":     {"github.com/tailrace/tailrace/bench/decode"},
	"plain": {
		"-ldflags", "-X github.com/tailrace/tailrace/capture/postgres/conn.Reading=plain", "github.com/tailrace/tailrace/bench/decode",
	},
}

// Build builds the programs that tools need for a sink, unless they are built already. It takes minutes on a machine that
// has compiled none of their code, so it comes before a run with a time limit.
func (b *Binaries) Build(ctx context.Context, tools []string, sinks ...Sink) error {
	for _, name := range tools {
		for _, s := range sinks {
			if _, err := b.daemon(ctx, s, name == Plain); err != nil {
				return err
			}
		}
	}
	return nil
}

// daemon returns the program for a sink.
func (b *Binaries) daemon(ctx context.Context, s Sink, plain bool) (string, error) {
	name := "tailrace"
	switch {
	case plain:
		name = "plain"
	case s.Kind == None || b.profiles != "":
		name = "none"
	}
	file := filepath.Join(b.dir, name)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	build := exec.CommandContext(ctx, "go", append([]string{"build", "-o", file}, builds[name]...)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return file, nil
}
