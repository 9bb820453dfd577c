package cache

import "context"

// Reason is why a value was not stored, or why Redis was not asked.
type Reason string

// The reasons of Refused.
const (
	NotVisible    Reason = "not_visible"    // the primary does not show a commit yet that has invalidated the key
	NotReplayed   Reason = "not_replayed"   // the standby or the replica has not reached that commit
	NoHeartbeat   Reason = "no_heartbeat"   // the daemon is down, and the server is a standby or a replica
	OldSnapshot   Reason = "old_snapshot"   // the transaction is REPEATABLE READ or SERIALIZABLE
	OwnWrites     Reason = "own_writes"     // the transaction has written, and can read its own uncommitted rows
	NotAPrimary   Reason = "not_a_primary"  // OnPrimary names a standby
	ProofFailed   Reason = "proof_failed"   // the database has returned an error
	LeaseTaken    Reason = "lease_taken"    // another process was loading the key for longer than Wait
	LeaseLost     Reason = "lease_lost"     // an invalidation ran meanwhile, or load has taken more than 3 s
	NotEncoded    Reason = "not_encoded"    // the codec has returned an error
	LoadFailed    Reason = "load_failed"    // load has returned an error other than ErrNotFound, or has panicked
	NotRemembered Reason = "not_remembered" // the row does not exist, and NegativeTTL is 0
)

// The reasons of Bypassed.
const (
	RedisFailed     Reason = "redis_failed"
	HeartbeatTooOld Reason = "heartbeat_too_old" // see MaxStaleness
	NotDecoded      Reason = "not_decoded"       // the codec does not read what is stored
)

// Hooks are callbacks for metrics and logs. They run on the caller's goroutine, so they have to be quick. Each may be nil.
type Hooks struct {
	Hit      func(ctx context.Context, key string)                // also of a row that is known to be absent
	Miss     func(ctx context.Context, key string)                // before load
	Filled   func(ctx context.Context, key string)                // the value, or the absence, was stored
	Refused  func(ctx context.Context, key string, reason Reason) // it was not
	Bypassed func(ctx context.Context, key string, reason Reason) // load was called without asking Redis
	Error    func(ctx context.Context, key string, err error)     // of Redis, the proof or the codec; the caller does not get it
}

func (h *Hooks) hit(ctx context.Context, key string)    { call(ctx, key, h.Hit) }
func (h *Hooks) miss(ctx context.Context, key string)   { call(ctx, key, h.Miss) }
func (h *Hooks) filled(ctx context.Context, key string) { call(ctx, key, h.Filled) }

func (h *Hooks) refused(ctx context.Context, key string, reason Reason) {
	if h.Refused != nil {
		h.Refused(ctx, key, reason)
	}
}

func (h *Hooks) bypassed(ctx context.Context, key string, reason Reason) {
	if h.Bypassed != nil {
		h.Bypassed(ctx, key, reason)
	}
}

func (h *Hooks) failed(ctx context.Context, key string, err error) {
	if h.Error != nil {
		h.Error(ctx, key, err)
	}
}

func call(ctx context.Context, key string, hook func(context.Context, string)) {
	if hook != nil {
		hook(ctx, key)
	}
}
