package postgres

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

// soaking reports whether the long forms of tests are requested: `make soak`.
func soaking() bool { return os.Getenv("TAILRACE_SOAK") != "" }

// It counts what the whole process has open: no other test runs at the same time.
func TestReconnectsSoak(t *testing.T) { onVersions(t, testReconnectsLeakNothing) }

// holdings is what a process has.
type holdings struct {
	goroutines, files int
	heap              int64 // bytes in use
}

func holdingsNow(t *testing.T) holdings {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return holdings{runtime.NumGoroutine(), len(entries), int64(m.HeapAlloc)}
}

// back reports whether everything is as it was before, except for what the test's own log takes.
func (h holdings) back(before holdings) bool {
	return h.goroutines <= before.goroutines+3 && h.files <= before.files+3 && h.heap <= before.heap+(8<<20)
}

// A thousand streams leak nothing: each has a buffer of 256 KiB, two connections and some goroutines.
func testReconnectsLeakNothing(t *testing.T, s *testenv.PostgresServer) {
	db := testenv.NewDatabase(t, s)
	p := startTap(t, s, testConfig(s, db), db)
	p.reached()
	const connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tailrace/%'"
	before := holdingsNow(t)
	times := map[int]int{testenv.Oldest: 60, testenv.Newest: 200}[s.Version]
	if soaking() {
		times = 1000
	}
	for i := range times {
		if i%50 == 10 { // not all end in good order; each of these makes the next pause longer
			s.ExecIn(t, db, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
		} else {
			p.source.current().end(capture.ErrRestart)
		}
		p.wait("another stream", func() bool { return p.streams > 2+i })
	}
	s.ExecIn(t, db, insert(1, 1))
	p.expect(inserts(1, 1)...)
	p.reached()
	var after holdings
	for range 500 {
		if after = holdingsNow(t); after.back(before) && s.Query(t, db, connections) == "2" { // the stream's, and the control connection
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%+v and %s connections after %d streams, before them %+v\n%s", after, s.Query(t, db, connections), times, before,
		buf[:runtime.Stack(buf, true)])
}
