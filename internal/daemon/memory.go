package daemon

import (
	"math"
	"os"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/tail"
)

// Shares of memory. A window has each batch once. What is decoded, encoded and in flight to a sink comes on top, and so does what
// the garbage collector has not freed yet.
const (
	smallestWindow = 1 << 20
	overheadBytes  = 20 << 20 // bytes besides the windows and the sinks: what decoding needs, and room for the collector
	sinkBytes      = 6 << 20  // bytes that a sink has in flight, unless its settings have a Memory
)

// budget returns each pipeline's window in bytes, in the order of the file. When together they exceed the daemon's memory, or half
// of the cgroup's limit, each is reduced by the same factor. It also sets the garbage collector's memory limit, unless GOMEMLIMIT
// does.
func budget(f *config.File, log *zap.Logger) []int64 {
	limit := cgroupLimit(os.DirFS("/"))
	windows, sum := scaleWindows(f, limit)
	if wanted := wantedWindows(f); sum < wanted {
		log.Warn("the windows exceed the memory and are reduced",
			zap.Int64("wanted_bytes", wanted), zap.Int64("bytes", sum), zap.Int64("cgroup_limit_bytes", limit))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit(sum, sinkMemory(f), limit))
	}
	return windows
}

func wantedWindows(f *config.File) (sum int64) {
	for _, p := range f.Pipelines {
		sum += p.Window
	}
	return sum
}

// scaleWindows scales the windows into the daemon's memory and returns their sum. A limit of 0 is none.
func scaleWindows(f *config.File, cgroup int64) (windows []int64, sum int64) {
	allowed := f.Daemon.Memory
	if allowed == 0 {
		allowed = cgroup / 2
	}
	factor := 1.0
	if wanted := wantedWindows(f); allowed > 0 && wanted > allowed {
		factor = float64(allowed) / float64(wanted)
	}
	for _, p := range f.Pipelines {
		w := max(int64(float64(p.Window)*factor), min(smallestWindow, p.Window))
		windows, sum = append(windows, w), sum+w
	}
	return windows, sum
}

// sinkMemory is what all sinks and their steps may take besides the windows.
func sinkMemory(f *config.File) (sum int64) {
	for _, p := range f.Pipelines {
		for _, b := range p.Sinks {
			if f.Daemon.Token != "" {
				sum += tail.Bytes
			}
			if m, ok := b.Settings.(Memory); ok {
				sum += m.Memory()
			} else {
				sum += sinkBytes
			}
			for _, step := range b.Steps {
				if m, ok := step.Settings.(Memory); ok {
					sum += m.Memory()
				}
			}
		}
	}
	return sum
}

// softLimit is the garbage collector's memory limit: a quarter more than the windows, and what comes on top of them, but never near
// the cgroup's limit, where the kernel would kill the process. Live memory must stay well below it, or the collector takes the CPU:
// docs/decisions/0012 has the figures.
func softLimit(windows, sinks, cgroup int64) int64 {
	soft := int64(math.MaxInt64)
	if windows < math.MaxInt64/2-overheadBytes {
		soft = windows + windows/4 + overheadBytes + sinks
	}
	if cgroup > 0 {
		soft = min(soft, cgroup/10*9)
	}
	return soft
}
