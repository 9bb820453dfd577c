package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// CacheDir returns the folder that keeps downloads: $TAILRACE_CACHE, else /var/cache/tailrace for root (root's home is
// not readable for the user that Postgres runs as), else tailrace in the user's cache folder, else one in the temporary folder.
func CacheDir() string {
	if dir := os.Getenv("TAILRACE_CACHE"); dir != "" {
		return dir
	}
	if os.Getuid() == 0 {
		return "/var/cache/tailrace"
	}
	if dir, err := os.UserCacheDir(); err == nil && os.MkdirAll(dir, 0o755) == nil {
		return filepath.Join(dir, "tailrace")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("tailrace-cache-%d", os.Getuid()))
}

// Once returns the folder name of the cache. If it does not exist yet, fill creates the content in a new folder, which is
// then renamed; meanwhile other processes wait.
func Once(name string, fill func(dir string) error) (string, error) {
	dir := filepath.Join(CacheDir(), name)
	if exists(dir) {
		return dir, nil
	}
	if err := openFolder(CacheDir()); err != nil {
		return "", fmt.Errorf("create cache: %w", err)
	}
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(dir) {
		return dir, nil
	}
	fresh := dir + ".new"
	if err := errors.Join(os.RemoveAll(fresh), openFolder(fresh)); err != nil {
		return "", fmt.Errorf("create cache: %w", err)
	}
	if err := fill(fresh); err != nil {
		return "", errors.Join(err, os.RemoveAll(fresh))
	}
	if err := os.Rename(fresh, dir); err != nil {
		return "", fmt.Errorf("keep %s in the cache: %w", name, err)
	}
	return dir, nil
}

// openFolder creates a folder and its missing parents, readable for all users whatever the umask is.
func openFolder(dir string) error {
	if exists(dir) {
		return nil
	}
	if err := openFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// lockFile waits for the lock on the file path, which it creates. The kernel releases the lock when its process ends.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock cache: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
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

// Progress tells the user about work that takes a while and happens only once.
func Progress(format string, args ...any) {
	fmt.Fprintln(os.Stderr, "testenv: "+fmt.Sprintf(format, args...)+" (once, kept in "+strconv.Quote(CacheDir())+")")
}
