package cachecheck

import (
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
)

// fault is something that happens while everybody reads and writes.
type fault struct {
	name string
	run  func(*rig)
}

// faults is one round.
var faults = []fault{
	{"the daemon is paused between decoding and visibility", (*rig).pauseBeforeVisibility},
	{"connections are cut", (*rig).cutConnections},
	{"the daemon is killed between decoding and visibility", (*rig).killBeforeVisibility},
	{"Redis is paused", (*rig).pauseRedis},
	{"FLUSHALL", (*rig).flush},
	{"Redis restarts empty", (*rig).restartRedis},
	{"the daemon's network to Redis hangs", (*rig).hangNetwork},
	{"Redis falls back by a second", (*rig).fallBack},
	{"TRUNCATE", (*rig).truncate},
	{"Redis falls back by a second while the daemon is killed", (*rig).fallBackWithoutDaemon},
}

// unseen is how long commits are decoded and not visible yet, so that readers fill from before them.
const unseen = 500 * time.Millisecond

// outage is how long a process is paused or gone.
const outage = time.Second

// pauseBeforeVisibility stops the daemon after it has invalidated keys of commits that become visible while it is stopped.
func (r *rig) pauseBeforeVisibility() {
	r.standbyLink.Hold()
	time.Sleep(unseen)
	r.daemon.pause()
	r.releaseStandby()
	time.Sleep(outage)
	r.daemon.resume()
}

func (r *rig) killBeforeVisibility() {
	r.standbyLink.Hold()
	time.Sleep(unseen)
	r.daemon.kill()
	r.releaseStandby()
	time.Sleep(outage)
	r.daemon.start()
}

func (r *rig) releaseStandby() {
	r.must(r.standbyLink.Heal())
	r.standbyLink.Latency(standbyLatency)
}

// cutConnections cuts the daemon's connections, then those of all clients.
func (r *rig) cutConnections() {
	for range 3 {
		r.redisLink.Cut()
		time.Sleep(100 * time.Millisecond)
		r.admin().ClientKillByFilter(r.Context(), "TYPE", "normal", "SKIPME", "yes")
		time.Sleep(100 * time.Millisecond)
	}
}

func (r *rig) pauseRedis() {
	r.must(r.redis.Pause())
	time.Sleep(outage)
	r.must(r.redis.Continue())
}

func (r *rig) hangNetwork() {
	r.redisLink.Hold()
	time.Sleep(outage)
	r.must(r.redisLink.Heal())
}

func (r *rig) flush() {
	r.lose(func() { r.must(r.admin().FlushAll(r.Context()).Err()) })
}

func (r *rig) restartRedis() {
	r.lose(r.restartServer)
}

// fallBack makes Redis lose the acknowledged writes of a second, as a failover to a replica does: values, tombstones and control keys
// are those from before.
func (r *rig) fallBack() {
	r.lose(r.restoreRedis)
}

func (r *rig) fallBackWithoutDaemon() {
	r.lose(func() {
		r.restoreRedis()
		r.daemon.kill()
		r.daemon.start()
	})
}

func (r *rig) restoreRedis() {
	r.must(r.admin().Save(r.Context()).Err())
	dir := r.admin().ConfigGet(r.Context(), "dir").Val()["dir"]
	time.Sleep(time.Second)
	r.restartServer()
	r.must(os.Remove(filepath.Join(dir, "dump.rdb"))) // the next restart finds it empty again
}

func (r *rig) restartServer() {
	r.must(r.redis.Kill())
	r.must(r.redis.Start())
}

// truncate invalidates all keys at once: by the namespace's section, and a sweep.
func (r *rig) truncate() { r.primary.Exec(r, "TRUNCATE reset") }

// lose makes Redis lose writes, and waits until the daemon has repaired that: until then a hit may lack an invalidation.
func (r *rig) lose(how func()) {
	for _, a := range r.applied {
		a.Lose()
	}
	how()
	r.untilApplied()
	for _, a := range r.applied {
		a.Repaired()
	}
}

// admin returns a client of the first database.
func (r *rig) admin() *redis.Client { return r.applied[exactly].client }
