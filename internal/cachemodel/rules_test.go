package cachemodel

// rule is a rule of the protocol. A model can do without some of them.
type rule uint64

// The rules of readers.
const (
	provesVisibility   rule = 1 << iota // on a primary, all listed xids are visible
	provesOverflow                      // and every transaction up to the overflow has ended
	proofBeforeData                     // the proof is made before the data's snapshot is taken
	snapshotAfterGet                    // the data's snapshot is newer than the lease
	skipsOwnWrites                      // a transaction that has written does not fill
	provesLSN                           // a standby or a replica has replayed the LSN; what its snapshot says does not count
	newSnapshot                         // on a standby, the data's snapshot is taken after the proof
	readsFloor                          // on a standby, the proof includes the heartbeat's floor; without a heartbeat nothing is filled
	comparesGeneration                  // fill refuses a lease that is older than the namespace's section
	leaseEndsFirst                      // a lease is shorter than the life of a settled section
)

// The rules of Redis' functions.
const (
	writesTombstone     rule = 1 << (iota + 10) // invalidate leaves a tombstone
	revokesLease                                // invalidate drops the lease
	keepsUnsettled                              // Redis keeps a tombstone while it lists xids or an overflow
	outlivesDaemon                              // and does so whether the daemon runs or not
	lapsesAlone                                 // the end of a lease or a negative mark leaves the tombstone
	refreshWritesTomb                           // refresh leaves a tombstone next to the version
	refreshDeleteBuries                         // and when it deletes, too
	guardsCommands                              // a command of a daemon does nothing once another has opened, or after its deadline
	expectsWatermark                            // a command does nothing when the watermark is not the expected one
)

// The rules of the daemon.
const (
	usesEndLSN          rule = 1 << (iota + 20) // a tombstone has the end of the commit's record
	confirmsSeen                                // a commit is confirmed once a snapshot has shown it
	restartsFloor                               // after a gap in the heartbeat the floor is the applied LSN
	sweepsLosses                                // a watermark below the confirmed position, or none, means a sweep
	sweepsLeases                                // a sweep deletes leases and negative marks too
	replaysAfterSweep                           // after a sweep the commits from the confirmed position on are applied again
	stopsHeartbeat                              // the heartbeat is deleted before a sweep
	sweepsFirst                                 // a sweep ends before a commit is applied, so a crash repeats it
	marksSweeps                                 // a sweep changes the watermark, so that its loss is noticed
	watermarkIsMinimum                          // of two workers
	replayInvalidates                           // a refresh that may have run before only invalidates
	watermarkEachCommit                         // the watermark's LSN moves with every commit of a batch
	writesSection                               // a bulk change writes the namespace's section before the sweep
	sweepsNewEpoch                              // a new epoch means a sweep
	dropsOldXIDs                                // and removes the xids of older epochs
	forgetsWatermark                            // and removes the watermark first, so that a crash repeats the sweep
	repeatsInvalidation                         // a commit that was not visible is invalidated once more when it is
	endOfRules
)

// allRules has each rule: those of readers, of Redis and of the daemon.
const allRules = leaseEndsFirst<<1 - 1 | (expectsWatermark<<1 - writesTombstone) | (endOfRules - usesEndLSN)
