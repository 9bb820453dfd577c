package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// nobody is the owner of Postgres' processes and files when the tests run as root: it refuses to run as root itself.
const nobody = 65534

// unprivileged is the credential for a server that must not run as root; nil, "as we are", for a normal user.
func unprivileged() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: nobody, Gid: nobody}
}

// give changes the owner of path to the user that unprivileged names.
func give(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Lchown(path, nobody, nobody)
}

// newDir creates a folder for one server. It is open to other users, unlike testing's TempDir, and its name contains our
// process id, so that a later run removes what a killed one has left.
func newDir(server string) (string, error) {
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

var sweepOnce = sync.OnceFunc(sweep)

// sweep removes the folders of processes that have ended.
func sweep() {
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
