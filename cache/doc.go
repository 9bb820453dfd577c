// Package cache reads values through Redis, where a tailrace daemon invalidates them when Postgres commits a change. A hit costs one
// GET. A value that is found contains every commit whose invalidation has run, whatever else happens at the same time: slow readers,
// commits that are decoded before they are visible, standbys that lag, leases that are lost.
//
//	c, err := cache.New(rdb, "orders", cache.OnPrimary(cache.PGX(pool)))
//	order, err := cache.Get(ctx, c, "order:"+id, func(ctx context.Context) (Order, error) {
//		return loadOrder(ctx, pool, id)
//	})
//
// The way of a miss:
//
//	Cache.read      GET; one load per key and process at a time
//	Cache.acquire   a lease of 3 s, and the commits that the data has to contain
//	Proof.view      asks the database, in a statement of its own before the load, what new snapshots show
//	load            the caller's
//	fill            stores the value, unless an invalidation has ended the lease
//
// # What load has to do
//
// Load reads the database of the proof: the same server, by statements that begin after load was called. Rows that it takes from
// an older transaction, from another standby behind a load balancer, or from another cache can be older than the proof, and are
// then stored as if they were new. To read inside of a transaction, give Cache.With the transaction: the package then refuses to
// store what the transaction alone can see, and everything in REPEATABLE READ and SERIALIZABLE.
//
// # What is not cached
//
// When the proof fails, the caller gets what load has returned, and nothing is stored. When Redis is down, all reads bypass it, and
// one call per second finds out whether it is back; set short timeouts in the client's options. When the daemon is down, hits
// are served until they expire, unless MaxStaleness bounds their age.
//
// There is no refresh ahead of expiry: a lease exists only where there is no value.
package cache
