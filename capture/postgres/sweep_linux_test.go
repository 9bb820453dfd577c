package postgres

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/internal/testenv"
)

// sweepBytes is about how much a backlog of large rows sends, sweepRows how many small rows one has: each takes some tenths of
// a second to read, so that neither the first reads nor the last rest count for much.
const (
	sweepBytes = 64 << 20
	sweepRows  = 150_000
)

// sweepLoad is a backlog of the sweep.
type sweepLoad struct {
	name string
	fill []string
}

// sized is a load of rows whose values have a size in bytes; size may be an expression of g, mean is then its mean.
func sized(name, size string, mean int) sweepLoad {
	rows := min(sweepRows, sweepBytes/(mean+60))
	return sweepLoad{name, []string{fmt.Sprintf("INSERT INTO t (v) SELECT repeat('x', %s) FROM generate_series(1, %d) g", size, rows)}}
}

// loads are rows of n sizes from 50 bytes to 64 KiB, each size as far from the next by factor, then mixed ones, and a transaction
// that changes its size in the middle.
func loads(n int) (all []sweepLoad) {
	for i := range n {
		size := int(math.Round(50 * math.Pow(65536.0/50, float64(i)/float64(n-1))))
		all = append(all, sized(fmt.Sprint(size), fmt.Sprint(size), size))
	}
	small, large := sized("", "90", 90), sized("", "3000", 3000)
	return append(all,
		sized("300 to 1000", "300 + (hashint4(g) & 1023) * 7 / 10", 650),
		sized("10 to 10000", "10 + (hashint4(g) & 16383) * 6 / 10", 5000),
		sweepLoad{"90, then 3000", []string{"BEGIN; " + small.fill[0] + "; " + large.fill[0] + "; COMMIT"}},
	)
}

// byItself is set by `make test`, which runs the sweep while nothing else runs: it would measure a concurrent test too.
const byItself = "TAILRACE_ALONE"

// TestReaderSweep reads rows of a dozen sizes from real Postgres, with rests and without: none is slower than plain reads, and no
// connection stalls. It does so under bbr and under cubic,
// where the kernel has both.
func TestReaderSweep(t *testing.T) {
	if os.Getenv(byItself) == "" {
		t.Skipf("`make test` runs it with %s=1, by itself", byItself)
	}
	sweepAll(t, 9, 6, 0.5)
}

// TestReaderSweepSoak is the same with hundreds of sizes.
func TestReaderSweepSoak(t *testing.T) {
	if !soaking() {
		t.Skip("set TAILRACE_SOAK")
	}
	sweepAll(t, 300, 20, leastOfPlain)
}

func sweepAll(t *testing.T, sizes, rounds int, least float64) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.Postgres(t, testenv.TLS(), testenv.Setting("max_wal_size", "4GB"), testenv.Setting("autovacuum", "off"))
	names := congestions(t)
	if len(names) == 0 {
		sweep(t, server, sizes, rounds, least)
	}
	for _, c := range names {
		t.Run(c, func(t *testing.T) {
			if err := setCongestion(server.Pid(), c); err != nil {
				if !errors.Is(err, unix.EPERM) || c != names[0] {
					t.Fatal(err)
				}
				t.Logf("under the kernel's own congestion control: %v", err) // only root may choose
			}
			sweep(t, server, sizes, rounds, least)
		})
		if os.Geteuid() != 0 {
			break
		}
	}
}

// congestions are those of bbr and cubic that the kernel has.
func congestions(t *testing.T) (names []string) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Fields(string(text)) {
		if c == "bbr" || c == "cubic" {
			names = append(names, c)
		}
	}
	return names
}

// setCongestion sets the congestion control of connections that a server's process accepts from now on: a connection
// inherits it from the listening socket.
func setCongestion(pid int, name string) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("open process %d: %w", pid, err)
	}
	defer unix.Close(process)
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return err
	}
	set := 0
	for _, entry := range open {
		n, err := strconv.Atoi(entry.Name())
		if err != nil {
			return err
		}
		fd, err := unix.PidfdGetfd(process, n, 0)
		if err != nil {
			return fmt.Errorf("take descriptor %d of process %d: %w", n, pid, err)
		}
		defer unix.Close(fd)
		domain, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN) // 0: no socket
		if listens, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); listens == 0 || domain != unix.AF_INET {
			continue
		}
		if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, name); err != nil {
			return fmt.Errorf("set congestion control %s: %w", name, err)
		}
		set++
	}
	if set == 0 {
		return fmt.Errorf("process %d listens on no TCP socket", pid)
	}
	return nil
}

func sweep(t *testing.T, server *testenv.PostgresServer, sizes, rounds int, least float64) {
	for _, l := range loads(sizes) {
		d := newDrained(t, server, l.fill...)
		for _, over := range []string{"tcp", "tls", "unix"} {
			t.Run(l.name+" over "+over, func(t *testing.T) { d.compare(t, over, rounds, least) })
		}
		d.drop(t)
	}
}

// leastOfPlain is which part of the rate of plain reads the reader should have at every size. Only a quiet machine can tell, so
// `make soak` asserts it. `make test` asserts what a stall or a window that is too small costs, and that is more than half.
const leastOfPlain = 0.9

// compare reads the backlog with rests and plainly, in turn, until the rate with rests is that of leastOfPlain: by the best run of
// each, or by the median over the rounds. Whatever else the machine does slows single runs, or all of them for a while; a reader
// that is slow is slow by both. After so many rounds it fails below least.
func (d *drained) compare(t *testing.T, over string, rounds int, least float64) {
	best := [2]time.Duration{math.MaxInt64, math.MaxInt64} // with rests, plain
	var ratios []float64
	var byBest, byMedian float64
	for range rounds {
		var took [2]time.Duration
		for i := range took {
			var stalls uint64
			var err error
			took[i], stalls, err = d.read(t, reader{over: over, plain: i == 1}, time.Minute)
			if err != nil || stalls > 0 {
				t.Fatalf("plain %t: %d stalls, %v", i == 1, stalls, err)
			}
			best[i] = min(best[i], took[i])
		}
		ratios = append(ratios, took[1].Seconds()/took[0].Seconds())
		slices.Sort(ratios)
		byBest, byMedian = best[1].Seconds()/best[0].Seconds(), ratios[(len(ratios)-1)/2]
		if max(byBest, byMedian) >= leastOfPlain {
			break
		}
	}
	t.Logf("%.2f x plain reads (%s, %s), median of %d: %.2f", byBest, best[0].Round(time.Millisecond), best[1].Round(time.Millisecond),
		len(ratios), byMedian)
	if max(byBest, byMedian) < least {
		t.Errorf("after %d rounds %.2f x the rate of plain reads by the best, %.2f by the median, want %.2f", rounds, byBest, byMedian, least)
	}
}
