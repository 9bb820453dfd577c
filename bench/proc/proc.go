// Package proc reads from /proc what processes use. A value that cannot be read, because the process has ended, is zero.
package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticks is the unit of CPU times under /proc: USER_HZ, 100 on every Linux that Go runs on.
const ticks = 100

// CPU returns the CPU time that a process has used, user and system, over all its threads. A child that has ended keeps its
// time until its parent waits for it.
func CPU(pid int) time.Duration {
	fields := stat(pid)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / ticks
}

// Ended reports whether a child has ended; its status may not have been collected yet.
func Ended(pid int) bool {
	fields := stat(pid)
	return len(fields) == 0 || fields[0] == "Z"
}

// stat returns the fields of /proc/pid/stat after the command's name.
func stat(pid int) []string {
	text := read(pid, "stat")
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
}

// Peak returns the largest resident size of a process so far, in bytes.
func Peak(pid int) int64 { return number(read(pid, "status"), "VmHWM:") << 10 }

// Anonymous returns the current resident size of a process without files and shared memory, in bytes.
func Anonymous(pid int) int64 { return number(read(pid, "status"), "RssAnon:") << 10 }

// Written returns the number of bytes that a process has passed to write calls, whatever their result.
func Written(pid int) int64 { return number(read(pid, "io"), "wchar:") }

// Waits returns how often the threads of a process have gone to sleep until woken: voluntary context switches.
func Waits(pid int) (sum int64) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		sum += number(string(text), "\nvoluntary_ctxt_switches:")
	}
	return sum
}

// Load returns the machine's load average over a minute.
func Load() float64 {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}

func read(pid int, file string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	return string(text)
}

// number returns the number after a name.
func number(text, name string) int64 {
	_, rest, found := strings.Cut(text, name)
	if !found {
		return 0
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[0], 10, 64)
	return n
}
