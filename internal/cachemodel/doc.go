// Package cachemodel is a model of the cache protocol, which its tests search exhaustively within small bounds: one key with its sidecar,
// transactions, readers, the daemon, Redis and what can happen to them, in every order.
//
// A value is the set of commits that it contains, so a key over several rows, which become visible in any order, is covered as well as a
// key over one row. LSNs and xids are the numbers of transactions; positions in the log and xids differ in their order where a model says
// so. Time is abstract: whatever has a lifetime lapses at any moment that the rules allow.
//
// The properties:
//   - I1: what a GET or a negative mark can return contains every invalidation of the history that Redis has.
//   - I2: it contains every invalidation that ever ran, once the daemon has handled all losses and has caught up.
//   - I3: when nothing happens any more, the value is absent or equal to the row.
//   - Live: then a reader can fill the key, or the tombstone can lapse.
//
// The full protocol holds. Each rule is needed: removed alone, it gives a counterexample, which go test -v prints.
//
// Not modelled: several sources of one key, resharding of a cluster, reads from replicas of Redis, an old primary that still serves,
// connection poolers, clients that fill without a lease, invalidations by writers, eviction of sidecars. A recovery's sweep is one step;
// it is exact because sidecars are scanned before values.
package cachemodel
