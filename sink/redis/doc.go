// Package redis is the sink that keeps caches in Redis consistent: it invalidates the keys of the rows that a commit has changed, and
// refreshes those that the file gives a value. Services read with the cache package, or as they always did. docs/caching.md describes
// the protocol; the functions that run inside of Redis are in cache/protocol.
//
// The way of a commit:
//
//	Writer.Write        collects the keys of a commit until its end is known (assembly)
//	queue.put           waits while the queue is full
//	worker.run          takes the commits of about 256 keys
//	worker.look         one snapshot of the source serves them all
//	worker.addCommits   makes calls of them (journal); remembers what the snapshot does not show (unseen)
//	worker.addShown     commits that it shows by now are invalidated once more, and settled
//	worker.send         pipelines of calls, each with the watermark that it expects
//	worker.acknowledge  applied at once, durable after hold
//
// One worker goroutine per Writer owns the connection to Redis, so calls arrive in the order of the commits. The journal keeps the
// calls of the last minute: when Redis has lost acknowledged writes, which the next call or heartbeat notices by the watermark,
// worker.recover repeats what is missing, or sweeps the keys and repeats everything.
//
// The sink keeps no position for the start rule. It begins at the slot's confirmed position, which lies at least hold behind what it
// has applied, and sweeps unless the watermark in Redis shows that nothing lies between.
package redis
