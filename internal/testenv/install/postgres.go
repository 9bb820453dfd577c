package install

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	embedded "github.com/fergusstrange/embedded-postgres"

	"github.com/tailrace/tailrace/internal/testenv/ports"
)

var releases = map[int]embedded.PostgresVersion{
	13: "13.18.0", // the version that the library names is not available
	14: embedded.V14, 15: embedded.V15, 16: embedded.V16, 17: embedded.V17, 18: embedded.V18,
}

// PostgresRelease returns the full version of a major one; "" for a version that this package does not know.
func PostgresRelease(major int) string { return string(releases[major]) }

// Postgres returns the folder that holds bin, lib and share of the version, downloading them once.
func Postgres(version int) (string, error) {
	release, known := releases[version]
	if !known {
		return "", fmt.Errorf("no Postgres %d is known", version)
	}
	return Once("postgres-"+string(release), func(dir string) error { return fetchPostgres(dir, release) })
}

// fetchPostgres downloads and unpacks a release into dir. The library can only do that as a part of starting a server,
// so it is given an impossible data folder: its start fails right after unpacking.
func fetchPostgres(dir string, release embedded.PostgresVersion) error {
	Progress("fetch Postgres %s", release)
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
