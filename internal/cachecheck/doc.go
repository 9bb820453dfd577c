// Package cachecheck checks what readers of a cache see. Each row has one writer, which stores versions 1, 2, 3 and so on in
// Postgres and records when each commit returned. A hit that shows version c is therefore old since the return of c+1, which is
// found in constant time, so that millions of reads are checked while they are made. A key depends on one row or on several.
//
//	Writer     commits versions, and passes them to History and Applied
//	History    when commits returned
//	Applied    when their invalidations had run in Redis, by the daemon's watermark
//	Client     reads keys as a service does: with or without leases and proofs
//	Readers    many goroutines that read through a Client; some fill late, without which no race occurs
//	Tally      what they have seen
//
// The age of a hit has two measures. Since the commit returned: this contains the delay of the daemon, and while it is down, the
// outage. And since the invalidation had run as well (late): this is what a protocol promises. A hit that is late was filled
// after its invalidation, with a value from before.
package cachecheck
