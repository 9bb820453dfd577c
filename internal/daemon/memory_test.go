package daemon

import (
	"math"
	"testing"
	"testing/fstest"

	"github.com/tailrace/tailrace/config"
)

const mib = 1 << 20

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name           string
		memory, cgroup int64
		windows, want  []int64
	}{
		{"no limit", 0, 0, []int64{64 * mib, 64 * mib}, []int64{64 * mib, 64 * mib}},
		{"fits", 128 * mib, 0, []int64{64 * mib, 64 * mib}, []int64{64 * mib, 64 * mib}},
		{"half", 64 * mib, 0, []int64{96 * mib, 32 * mib}, []int64{48 * mib, 16 * mib}},
		{"half of the cgroup's", 0, 128 * mib, []int64{128 * mib}, []int64{64 * mib}},
		{"memory goes before the cgroup's", 96 * mib, 128 * mib, []int64{128 * mib}, []int64{96 * mib}},
		{"not below 1 MiB", 2 * mib, 0, []int64{512 * mib, 2 * mib}, []int64{512 * mib * 2 / 514, mib}},
		{"a small one stays", mib, 0, []int64{4 * mib, 1024}, []int64{mib, 1024}},
		{"none", mib, mib, nil, nil},
	} {
		f := &config.File{Daemon: config.Daemon{Memory: c.memory}}
		for _, w := range c.windows {
			f.Pipelines = append(f.Pipelines, config.Pipeline{Window: w})
		}
		got, sum := scaleWindows(f, c.cgroup)
		total := int64(0)
		for i, w := range got {
			total += w
			if d := w - c.want[i]; d < -1 || d > 1 {
				t.Errorf("%s: %d, want %d", c.name, got, c.want)
			}
		}
		if len(got) != len(c.want) || sum != total {
			t.Errorf("%s: %d of sum %d, want %d", c.name, got, sum, c.want)
		}
	}
}

func TestSoftLimit(t *testing.T) {
	if got := softLimit(64*mib, 16*mib, 0); got != 116*mib {
		t.Errorf("without a cgroup: %d MiB", got/mib)
	}
	if got := softLimit(64*mib, 16*mib, 100*mib); got != 90*mib {
		t.Errorf("in a small cgroup: %d MiB", got/mib)
	}
	if got := softLimit(math.MaxInt64, 16*mib, 0); got != math.MaxInt64 {
		t.Errorf("of a window without end: %d", got)
	}
}

// large are the settings of a sink with a Memory.
type large struct{ SinkSettings }

func (large) Memory() int64 { return 30 * mib }

func TestOnTheirWay(t *testing.T) {
	f := &config.File{Pipelines: []config.Pipeline{{Sinks: []config.Block{{}, {Settings: large{}}}}, {Sinks: []config.Block{{}}}}}
	if got := sinkMemory(f); got != 42*mib {
		t.Errorf("two sinks that do not say and one of 30 MiB: %d MiB", got/mib)
	}
}

func TestCgroupLimit(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  int64
	}{
		{"none", fstest.MapFS{}, 0},
		{"no limit", fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n")}, 0},
		{"container", fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1000\n")}, 1000},
		{"the smallest one upwards", fstest.MapFS{
			"proc/self/cgroup":                     file("0::/a/b\n"),
			"sys/fs/cgroup/a/memory.max":           file("500\n"),
			"sys/fs/cgroup/a/b/memory.max":         file("900\n"),
			"sys/fs/cgroup/elsewhere/b/memory.max": file("1\n"),
		}, 500},
		{"version 1", fstest.MapFS{
			"proc/self/cgroup":                                      file("5:cpu:/x\n4:memory:/docker/abc\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            file("9223372036854771712\n"),
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": file("700\n"),
		}, 700},
		{"version 1, the path is the host's", fstest.MapFS{
			"proc/self/cgroup":                           file("4:memory:/docker/abc\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("700\n"),
		}, 700},
		{"the path leads out", fstest.MapFS{
			"proc/self/cgroup": file("0::/../../x\n"), "sys/fs/cgroup/memory.max": file("1000\n"),
		}, 1000},
		{"nonsense", fstest.MapFS{"proc/self/cgroup": file("what\n0::\n")}, 0},
	} {
		if got := cgroupLimit(c.files); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
