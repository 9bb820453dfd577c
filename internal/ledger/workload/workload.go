package workload

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Config shapes a workload.
type Config struct {
	Writers int    // 0: 8
	Seed    uint64 // of the choices; print it to make a run repeatable
	Rate    int    // transactions per second of all writers together; 0: as many as they can
	Events  int    // of the writers, as many make events, in tables that CreateEvents has created
}

// Stats counts the transactions of the writers by known outcome.
type Stats struct {
	Committed  int64
	RolledBack int64 // on purpose
	Failed     int64 // rejected by the server: a deadlock, a missing row
	Unknown    int64 // the connection broke; the last commit may have succeeded
	Failure    error // the last one of Failed
}

func (s *Stats) add(o Stats) {
	s.Committed += o.Committed
	s.RolledBack += o.RolledBack
	s.Failed += o.Failed
	s.Unknown += o.Unknown
	s.Failure = cmp.Or(o.Failure, s.Failure)
}

// Run writes to the database at url, which Setup has prepared, until ctx ends. It waits for a server that is down or
// crashes.
func Run(ctx context.Context, url string, c Config) Stats {
	if c.Writers == 0 {
		c.Writers = 8
	}
	var pause time.Duration
	if c.Rate > 0 {
		pause = time.Duration(c.Writers) * time.Second / time.Duration(c.Rate)
	}
	var (
		all   Stats
		mutex sync.Mutex
		group sync.WaitGroup
	)
	for i := range c.Writers {
		group.Go(func() {
			w := &writer{id: i, url: url, pause: pause, events: i < c.Events, rand: rand.New(rand.NewPCG(c.Seed, uint64(i)))}
			w.run(ctx)
			mutex.Lock()
			defer mutex.Unlock()
			all.add(w.stats)
		})
	}
	group.Wait()
	return all
}
