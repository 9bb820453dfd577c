// Package folder makes the folders of servers, and knows the user that owns them. They are in memory in tests on Linux, and
// those that a killed process has left are removed.
package folder

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// owner is the user nobody, the owner of Postgres' processes and files when the tests run as root: it refuses to run as root itself.
const owner = 65534

// Unprivileged is the credential for a server that must not run as root; nil, "as we are", for a normal user.
func Unprivileged() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: owner, Gid: owner}
}

// Give changes the owner of path to the user that Unprivileged names.
func Give(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Lchown(path, owner, owner)
}

// New creates a folder for one server. It is open to other users, unlike testing's TempDir, and its name contains our
// process id, so that a later run removes what a killed one has left.
func New(server string) (string, error) {
	sweepOnce()
	dir, err := os.MkdirTemp(parentDir(), fmt.Sprintf("tailrace-%d-%s-", os.Getpid(), server))
	if err != nil {
		return "", fmt.Errorf("create folder for %s: %w", server, err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", fmt.Errorf("open folder for %s: %w", server, err)
	}
	return dir, nil
}

var sweepOnce = sync.OnceFunc(Sweep)

// Sweep removes the folders of processes that have ended. The first New of a process calls it.
func Sweep() {
	for _, parent := range []string{os.TempDir(), memoryDir} {
		dirs, _ := filepath.Glob(filepath.Join(parent, "tailrace-*-*-*"))
		for _, dir := range dirs {
			pid, err := strconv.Atoi(strings.Split(filepath.Base(dir), "-")[1])
			if err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
				_ = os.RemoveAll(dir)
			}
		}
	}
}
