package folder

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// memoryDir is where Linux has a file system in memory that every user may write to.
const memoryDir = "/dev/shm"

// enoughMemory is what must be left of the file system in memory and of the machine's memory, in bytes: more than all servers of
// the tests write.
const enoughMemory = 8 << 30

// parentDir returns the folder for the servers' folders. In tests that is memoryDir, unless TMPDIR is set or memory is short:
// a Postgres has a thousand files, a database three hundred, and disks are slow to create a file where one was just deleted.
// Benchmarks and the demo have their servers on the disk.
func parentDir() string {
	if !testing.Testing() || os.Getenv("TMPDIR") != "" || freeMemory() < enoughMemory {
		return os.TempDir()
	}
	return memoryDir
}

// freeMemory returns how many bytes can be written to memoryDir; 0 if programs cannot run from there, which some tests need.
func freeMemory() uint64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(memoryDir, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC || fs.Flags&unix.ST_NOEXEC != 0 {
		return 0
	}
	text, _ := os.ReadFile("/proc/meminfo")
	_, text, _ = bytes.Cut(text, []byte("MemAvailable:"))
	var kib uint64
	if _, err := fmt.Sscan(string(text[:min(len(text), 40)]), &kib); err != nil {
		return 0
	}
	return min(kib<<10, fs.Bavail*uint64(fs.Bsize))
}
