package testenv

import (
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
)

// Pgbench returns the path of Postgres' own pgbench, the newest that is installed. It is not among the binaries that testenv
// fetches. Debian's command of that name only looks for one of these.
func Pgbench() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return slices.Max(found), nil
	}
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path, nil
	}
	return "", errors.New("pgbench is not installed (Debian has it in the package postgresql)")
}
