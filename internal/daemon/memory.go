package daemon

import (
	"math"
	"os"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
)

// Shares of memory. A batch in a window is there once; what is decoded, encoded and on its way to a sink beside it comes
// on top, and so does what the garbage collector has not looked at yet.
const (
	smallestWindow = 1 << 20
	besides        = 20 << 20 // bytes beside the windows and the sinks: what decoding needs, and room for the collector
	perSink        = 6 << 20  // bytes that a sink has on its way, unless it says otherwise: see Memory
)

// budget gives each pipeline's window in bytes, in the order of the file. Where they do not fit together into the
// daemon's memory, or into half of the cgroup's limit, each is made smaller by the same factor. It also tells the
// garbage collector what it may use, unless GOMEMLIMIT does.
func budget(f *config.File, log *zap.Logger) []int64 {
	limit := cgroupLimit(os.DirFS("/"))
	windows, sum := fit(f, limit)
	if wanted := wantedWindows(f); sum < wanted {
		log.Warn("the windows do not fit into the memory and are made smaller",
			zap.Int64("wanted_bytes", wanted), zap.Int64("bytes", sum), zap.Int64("cgroup_limit_bytes", limit))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit(sum, onTheirWay(f), limit))
	}
	return windows
}

func wantedWindows(f *config.File) (sum int64) {
	for _, p := range f.Pipelines {
		sum += p.Window
	}
	return sum
}

// fit scales the windows into the daemon's memory and returns their sum. A limit of 0 is none.
func fit(f *config.File, cgroup int64) (windows []int64, sum int64) {
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

// onTheirWay is what all sinks may have beside the windows.
func onTheirWay(f *config.File) (sum int64) {
	for _, p := range f.Pipelines {
		for _, b := range p.Sinks {
			if m, ok := b.Settings.(Memory); ok {
				sum += m.Memory()
			} else {
				sum += perSink
			}
		}
	}
	return sum
}

// softLimit is what the garbage collector aims at: a quarter more than the windows, and what comes beside them, but never
// near the cgroup's limit, where the kernel would kill us. What lives must stay well below it, or the collector takes the
// CPU: docs/decisions/0012 has the figures.
func softLimit(windows, sinks, cgroup int64) int64 {
	soft := int64(math.MaxInt64)
	if windows < math.MaxInt64/2-besides {
		soft = windows + windows/4 + besides + sinks
	}
	if cgroup > 0 {
		soft = min(soft, cgroup/10*9)
	}
	return soft
}
