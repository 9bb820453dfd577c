package postgres

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/sink"
)

// Options is what a Sink is made of. Pipeline, Name and URL have to be given.
type Options struct {
	Pipeline, Name string
	URL            string                 // a secret: it may hold a password
	Password       func() (string, error) // read again at each connect; nil: what the URL, PGPASSWORD or the passfile says
	Schema         string                 // where all tables land; "": each in the schema of its source
	AddColumns     bool                   // columns that the target lacks are added; else they halt the lane
	OnConflict     Policy
	KeepDeletes    bool // rows that the source deletes stay
	IgnoreTruncate bool // and those that it truncates
	Constraints    Constraints
	Origin         Origin
}

// Policy says what becomes of a change that the target does not take.
type Policy uint8

// The policies.
const (
	Halt       Policy = iota // the lane halts with a named state
	SourceWins               // what stands in the way is overwritten or deleted
	Park                     // the change goes to tailrace.parked, and so do later ones of its row
)

// Constraints says what becomes of the target's foreign keys and triggers.
type Constraints uint8

// The ways of constraints.
const (
	Check    Constraints = iota // as for any other session
	Deferred                    // deferrable ones are checked when a transaction ends
	Off                         // session_replication_role = replica: no foreign keys, no ordinary triggers
)

// Origin reports whether the session carries a replication origin, by which a reverse pipeline knows our transactions.
type Origin uint8

// The ways of a replication origin.
const (
	OriginAuto     Origin = iota // where the role may
	OriginRequired               // else it is a problem
	OriginOff
)

const (
	openTimeout        = 30 * time.Second       // Open as a whole
	staleOwnerTimeout  = 3 * time.Second        // an earlier writer's transaction may take so long to end before it is ended
	idleCheckInterval  = time.Second            // an idle target is asked whether it has what it had
	idleRecordInterval = 500 * time.Millisecond // between two progress records when there is nothing else to write
)

var errTimeout = errors.New("no answer from the target in time")

// Sink is one replica of one pipeline. It implements sink.Sink.
type Sink struct {
	options      Options
	stallTimeout time.Duration
	log          *zap.Logger
}

// New makes a sink; it contacts nothing.
func New(o Options, log *zap.Logger) *Sink {
	return &Sink{options: o, stallTimeout: stallTimeout, log: log}
}

// Open implements sink.Sink. It takes over the lane's row in tailrace.progress, which waits for a transaction of an
// earlier Writer, or ends it; none of those can write after that (I8).
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
