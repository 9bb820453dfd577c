// Package protocol is what the cache package, clients in other languages and the daemon's Redis sink share: the layout of the keys
// and the functions that run inside of Redis. docs/caching.md describes the protocol and why it is exact.
//
// A value lies at its key k as a plain string, so that any client can GET it. Next to it, in the same cluster slot, lies its
// sidecar (Sidecar), with four sections that lapse independently: a tombstone of the commits that invalidated k, a lease, a
// negative mark and a version. Control keys (Control) lie on every master: the owner's token, the watermark, the daemon's record,
// the heartbeat, and the namespace's section, which is a tombstone of all keys.
//
// The functions are a Redis function library. Where functions are missing (Redis 6, or no right to load one) the same code is
// evaluated as scripts (EVALSHA). A new version of the code gets a new number in the library's name, so that services and daemons
// of two versions work side by side.
package protocol
