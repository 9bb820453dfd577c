// Package proc reads from /proc what processes use. What cannot be read, because the process is gone, is zero.
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

// CPU is the CPU time that a process has used, user and system, of all its threads. A child that has ended has one until
// it is waited for.
func CPU(pid int) time.Duration {
	fields := stat(pid)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / ticks
}

// Ended says whether a child has ended; it may wait to be asked for its status.
func Ended(pid int) bool {
	fields := stat(pid)
	return len(fields) == 0 || fields[0] == "Z"
}

// stat is what /proc/pid/stat has behind the command's name.
func stat(pid int) []string {
	text := read(pid, "stat")
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
}

// Peak is the largest resident size of a process until now, in bytes.
func Peak(pid int) int64 { return number(read(pid, "status"), "VmHWM:") << 10 }

// Written is what a process has given to write calls, in bytes, whatever they led to.
func Written(pid int) int64 { return number(read(pid, "io"), "wchar:") }

// Waits is how often the threads of a process have gone to sleep to be woken: voluntary context switches.
func Waits(pid int) (sum int64) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		sum += number(string(text), "\nvoluntary_ctxt_switches:")
	}
	return sum
}

// Load is the machine's load average over a minute.
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

// number is the number behind a name.
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
