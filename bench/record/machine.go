package record

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine returns the processor, its cores, the memory and the kernel.
func machine() string {
	return fmt.Sprintf("%s, %d cores, %s of memory, %s %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		memory(), runtime.GOOS, kernel())
}

// field returns the value after a name in a file of "name: value" lines.
func field(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func memory() string {
	var kb int64
	if _, err := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%d kB", &kb); err != nil {
		return "unknown size"
	}
	return fmt.Sprintf("%.0f GB", float64(kb)*1024/1e9)
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

// commit returns the commit of the working folder, with a mark when files differ from it. Result files do not count.
func commit() string {
	head, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changed, _ := exec.Command("git", "status", "--porcelain", "--", ".", ":!bench/RESULTS.md", ":!bench/results").Output()
	if len(changed) > 0 {
		return strings.TrimSpace(string(head)) + " with changes"
	}
	return strings.TrimSpace(string(head))
}

// Version returns the first line that a program prints about its version; "none" if the program is missing.
func Version(program string, args ...string) string {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return "none"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
