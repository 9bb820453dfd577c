package testenv

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	embedded "github.com/fergusstrange/embedded-postgres"

	"github.com/tailrace/tailrace/internal/testenv/ports"
)

// The Postgres versions that tailrace supports and tests: the oldest and the newest.
const (
	Oldest = 15
	Newest = 18
)

// FailoverSlots is the first version whose logical slots can also be on a standby.
const FailoverSlots = 17

var releases = map[int]embedded.PostgresVersion{
	13: "13.18.0", // the version that the library names is not available
	14: embedded.V14, Oldest: embedded.V15, 16: embedded.V16, FailoverSlots: embedded.V17, Newest: embedded.V18,
}

// Release returns the full version of a major one; "" for a version that this package does not know.
func Release(major int) string { return string(releases[major]) }

// postgresBinaries returns the folder that holds bin, lib and share of the version, downloading them once.
func postgresBinaries(version int) (string, error) {
	release, known := releases[version]
	if !known {
		return "", fmt.Errorf("no Postgres %d is known", version)
	}
	return cached("postgres-"+string(release), func(dir string) error { return fetchPostgres(dir, release) })
}

// fetchPostgres downloads and unpacks a release into dir. The library can only do that as a part of starting a server,
// so it is given an impossible data folder: its start fails right after unpacking.
func fetchPostgres(dir string, release embedded.PostgresVersion) error {
	progress("fetch Postgres %s", release)
	download := dir + ".download"
	defer os.RemoveAll(download)
	p, err := ports.Take()
	if err != nil {
		return err
	}
	defer p.Release()
	impossible := filepath.Join(dir, "bin", "postgres", "data")
	err = embedded.NewDatabase(embedded.DefaultConfig().Version(release).Port(uint32(p.Number)).Logger(io.Discard).
		CachePath(download).RuntimePath(filepath.Join(download, "run")).BinariesPath(dir).DataPath(impossible)).Start()
	if !exists(filepath.Join(dir, "bin", "initdb")) {
		return fmt.Errorf("fetch Postgres %s: %w", release, err)
	}
	return openToAll(dir)
}

// openToAll makes the files readable for every user, whatever the umask was.
func openToAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()|0o444|info.Mode().Perm()>>2&0o111|info.Mode().Perm()>>6&0o011)
	})
}

// postgresTemplate returns a data folder of the version as initdb leaves it, created once: copying it is much faster.
func postgresTemplate(version int, binaries string) (string, error) {
	name := fmt.Sprintf("%s-data-%d", filepath.Base(binaries), os.Getuid())
	template, err := cached(name, func(dir string) error {
		progress("initialize Postgres %d", version)
		if err := give(dir); err != nil {
			return fmt.Errorf("give template to the server's user: %w", err)
		}
		initdb := exec.Command(filepath.Join(binaries, "bin", "initdb"), "--pgdata="+filepath.Join(dir, "data"),
			"--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync")
		initdb.Dir = dir
		initdb.Env = append(os.Environ(), "LC_ALL=C")
		initdb.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged()}
		if out, err := initdb.CombinedOutput(); err != nil {
			return fmt.Errorf("initdb of Postgres %d: %w\n%s", version, err, strings.TrimSpace(string(out)))
		}
		return nil
	})
	return filepath.Join(template, "data"), err
}

// progress tells the user about work that takes a while and happens only once.
func progress(format string, args ...any) {
	fmt.Fprintln(os.Stderr, "testenv: "+fmt.Sprintf(format, args...)+" (once, kept in "+strconv.Quote(CacheDir())+")")
}
