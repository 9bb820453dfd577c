package postgres

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/sink"
)

// Options are the options of a Sink. Pipeline, Name and URL are required.
type Options struct {
	Pipeline, Name string
	URL            string                 // a secret: it may hold a password
	Password       func() (string, error) // called for each connection; nil: the URL, PGPASSWORD or the passfile has it
	Schema         string                 // of all target tables; "": the schema of the source table
	AddColumns     bool                   // add missing columns; otherwise they halt the sink
	OnConflict     Policy
	KeepDeletes    bool // do not apply deletes
	IgnoreTruncate bool // do not apply TRUNCATE
	Constraints    Constraints
	Origin         Origin
}

// Policy is how a change that conflicts with the target is handled.
type Policy uint8

// The policies.
const (
	Halt       Policy = iota // the sink halts with a named state
	SourceWins               // conflicting rows are overwritten or deleted
	Park                     // the change is put into tailrace.parked, and so are later ones of its row
)

// Constraints is how the target's foreign keys and triggers are handled.
type Constraints uint8

// The values of Constraints.
const (
	Check    Constraints = iota // as for any other session
	Deferred                    // deferrable constraints are checked at the end of a transaction
	Off                         // session_replication_role = replica: no foreign keys, no ordinary triggers
)

// Origin is whether sessions set a replication origin, by which a reverse pipeline recognizes their transactions.
type Origin uint8

// The values of Origin.
const (
	OriginAuto     Origin = iota // where the role is allowed to
	OriginRequired               // a session without one is a problem
	OriginOff
)

const (
	openTimeout        = 30 * time.Second       // Open as a whole
	staleOwnerTimeout  = 3 * time.Second        // how long an earlier writer's transaction may take to end before its backend is terminated
	idleCheckInterval  = time.Second            // how often an idle target is asked for its position
	idleRecordInterval = 500 * time.Millisecond // between two progress records when there are no changes
)

var errTimeout = errors.New("no answer from the target in time")

// Sink is one replica of one pipeline. It implements sink.Sink.
type Sink struct {
	options      Options
	stallTimeout time.Duration
	log          *zap.Logger
}

// New returns a sink. It does not connect.
func New(o Options, log *zap.Logger) *Sink {
	return &Sink{options: o, stallTimeout: stallTimeout, log: log}
}

// Open implements sink.Sink. It becomes the owner of the lane's row in tailrace.progress, which waits for a transaction of an
// earlier Writer or terminates it. No earlier Writer can write after that (I8).
func (s *Sink) Open(ctx context.Context, lane sink.Lane) (sink.Writer, sink.Progress, error) {
	ctx, stop := context.WithTimeoutCause(ctx, openTimeout, errTimeout)
	defer stop()
	db, err := s.connect(ctx)
	if err != nil {
		return nil, sink.Progress{}, err
	}
	row, progress, err := s.acquireOwnership(ctx, db, lane)
	if err == nil {
		err = s.setUpOrigin(ctx, db)
	}
	if err != nil {
		db.Close()
		return nil, sink.Progress{}, err
	}
	return newWriter(s, lane, db, row), progress, nil
}

// Close implements sink.Sink. Every Writer has a connection of its own.
func (s *Sink) Close() error { return nil }

// Transactional implements sink.Transactional.
func (s *Sink) Transactional() {}
