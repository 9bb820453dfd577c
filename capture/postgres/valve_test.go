package postgres

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
)

// valve is a proxy that can block the present connections and serve new ones.
type valve struct {
	*proxy.Server
	last, closed atomic.Int64 // connections by number: the newest, and up to which they are held
	kind         atomic.Value // of those that are held: "control", "replication", or "" for both
	held         atomic.Int64 // directions that hold bytes now
}

func newValve(t *testing.T, s *testenv.PostgresServer) *valve {
	v := &valve{Server: testenv.Proxy(t, s.Addr())}
	v.kind.Store("")
	v.Watch(func(conn int) (client, server func([]byte)) {
		v.last.Store(int64(conn))
		var kind atomic.Value
		kind.Store("")
		hold := func(b []byte) {
			if kind.Load() == "" {
				kind.Store("control")
				if bytes.Contains(b, []byte("replication\x00database")) {
					kind.Store("replication")
				}
			}
			v.held.Add(1)
			defer v.held.Add(-1)
			for int64(conn) <= v.closed.Load() && (v.kind.Load() == "" || v.kind.Load() == kind.Load()) {
				time.Sleep(time.Millisecond)
			}
		}
		return hold, hold
	})
	t.Cleanup(v.open)
	return v
}

func (v *valve) shut(kind string) { v.kind.Store(kind); v.closed.Store(v.last.Load()) }
func (v *valve) open()            { v.closed.Store(0) }
