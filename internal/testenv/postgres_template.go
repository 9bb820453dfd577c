package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tailrace/tailrace/internal/testenv/folder"
	"github.com/tailrace/tailrace/internal/testenv/install"
)

// The Postgres versions that tailrace supports and tests: the oldest and the newest.
const (
	Oldest = 15
	Newest = 18
)

// FailoverSlots is the first version whose logical slots can also be on a standby.
const FailoverSlots = 17

// postgresTemplate returns a data folder of the version as initdb leaves it, created once: copying it is much faster.
func postgresTemplate(version int, binaries string) (string, error) {
	name := fmt.Sprintf("%s-data-%d", filepath.Base(binaries), os.Getuid())
	template, err := install.Once(name, func(dir string) error {
		install.Progress("initialize Postgres %d", version)
		if err := folder.Give(dir); err != nil {
			return fmt.Errorf("give template to the server's user: %w", err)
		}
		initdb := exec.Command(filepath.Join(binaries, "bin", "initdb"), "--pgdata="+filepath.Join(dir, "data"),
			"--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync")
		initdb.Dir = dir
		initdb.Env = append(os.Environ(), "LC_ALL=C")
		initdb.SysProcAttr = &syscall.SysProcAttr{Credential: folder.Unprivileged()}
		if out, err := initdb.CombinedOutput(); err != nil {
			return fmt.Errorf("initdb of Postgres %d: %w\n%s", version, err, strings.TrimSpace(string(out)))
		}
		return nil
	})
	return filepath.Join(template, "data"), err
}
