package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv/folder"
)

// tailraceBuild is the program that SharedTailrace builds. Main removes its folder.
var tailraceBuild struct {
	sync.Once
	dir string
	err error
}

// SharedTailrace returns the path of the program tailrace, built on first use by `go build` with the flags of that call. It is
// removed after the last test of the package, whose TestMain calls Main.
func SharedTailrace(t testing.TB, flags ...string) string {
	t.Helper()
	needMain(t)
	tailraceBuild.Do(func() { tailraceBuild.err = buildTailrace(flags) })
	if tailraceBuild.err != nil {
		t.Fatalf("testenv: build tailrace: %v", tailraceBuild.err)
	}
	return filepath.Join(tailraceBuild.dir, "tailrace")
}

// buildTailrace builds without debugging information, as a release is: linking takes half the time.
func buildTailrace(flags []string) (err error) {
	if tailraceBuild.dir, err = folder.New("build"); err != nil {
		return err
	}
	args := append([]string{"build", "-buildvcs=false", "-ldflags=-s -w", "-o", tailraceBuild.dir}, flags...)
	out, err := exec.Command("go", append(args, "github.com/tailrace/tailrace/cmd/tailrace")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func removeTailrace() {
	if tailraceBuild.dir != "" {
		_ = os.RemoveAll(tailraceBuild.dir)
	}
}
