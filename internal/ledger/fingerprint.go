package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// Fingerprint is O6: the events, replayed in commit order into scratch tables, yield the state of the source: at every
// commit that wrote ledger.board its digest, and at the end every row of every table. A column that was not sent
// (unchanged) keeps the value of the scratch row.
type Fingerprint struct {
	found   findings
	ctx     context.Context
	source  *pgx.Conn
	scratch *pgx.Conn
	seen    once
	events  []Observation
}

// NewFingerprint returns the oracle. source is idle; scratch is a connection to another database without the schema
// ledger. Both belong to the caller, and only Done uses them.
func NewFingerprint(ctx context.Context, source, scratch *pgx.Conn) *Fingerprint {
	return &Fingerprint{ctx: ctx, source: source, scratch: scratch, seen: once{}}
}

// Observe adds the next event.
func (f *Fingerprint) Observe(o Observation) {
	if !f.seen.first(o) {
		return
	}
	if workload.Key(o.Table) == nil {
		f.found.add("O6 fingerprint: %s is of a table that is not published", o)
		return
	}
	o.Payload = nil
	f.events = append(f.events, o)
}

// Done replays and compares.
func (f *Fingerprint) Done() []error {
	inCommitOrder(f.events)
	err := f.replay()
	if err == nil {
		err = f.compare()
	}
	if err != nil {
		f.found.add("O6 fingerprint: %w", err)
	}
	return f.found.all()
}

func (f *Fingerprint) replay() error {
	if err := workload.Create(f.ctx, f.scratch); err != nil {
		return err
	}
	begin := "set timezone = 'UTC'; set synchronous_commit = off"
	for _, table := range workload.Tables() {
		begin += "; alter table " + table + " set unlogged" // the source's slots would read the WAL of the replay
	}
	if _, err := f.scratch.Exec(f.ctx, begin); err != nil {
		return fmt.Errorf("begin replay: %w", err)
	}
	for part := range slices.Chunk(f.events, 1000) {
		if err := f.apply(part); err != nil {
			return err
		}
	}
	return nil
}

// apply sends a run of events in one round trip and one transaction: one transaction for all would pile up row versions.
func (f *Fingerprint) apply(events []Observation) error {
	var b pgx.Batch
	for _, o := range events {
		sql := replays[o.Table]
		if o.Op != "delete" {
			f.complete(o)
		}
		switch o.Op {
		case "delete":
			b.Queue(sql.remove, o.Key).Exec(f.hit(o))
		case "update":
			b.Queue(sql.update(o), o.Key, string(o.Row)).Exec(f.hit(o))
		case "insert":
			b.Queue(sql.insert, string(o.Row)).Exec(f.hit(o))
		case "read":
			b.Queue(sql.read, string(o.Row)).Exec(f.hit(o))
		default:
			f.found.add("O6 fingerprint: nothing in the workload makes %s", o)
		}
		if o.Table == workload.TxLog && o.Image.Digest != nil && !o.snapshot() { // rows of a snapshot describe older commits
			b.Queue("select " + workload.DigestBoard).QueryRow(f.digest(o))
		}
	}
	if err := f.scratch.SendBatch(f.ctx, &b).Close(); err != nil {
		return fmt.Errorf("replay between %s and %s: %w", events[0], events[len(events)-1], err)
	}
	return nil
}

func (f *Fingerprint) digest(o Observation) func(pgx.Row) error {
	return func(r pgx.Row) error {
		var have string
		if err := r.Scan(&have); err != nil {
			return err
		}
		if have != *o.Image.Digest {
			f.found.add("O6 fingerprint: %s does not have the digest of the source after %s", workload.Board, o)
		}
		return nil
	}
}

// compare compares the rows of both sides by their text.
func (f *Fingerprint) compare() error {
	for _, table := range workload.Tables() {
		want, err := prints(f.ctx, f.source, table)
		if err != nil {
			return fmt.Errorf("read source: %w", err)
		}
		have, err := prints(f.ctx, f.scratch, table)
		if err != nil {
			return fmt.Errorf("read scratch: %w", err)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			switch have[key] {
			case want[key]:
			case "":
				f.found.add("O6 fingerprint: %s %s is missing at the end", table, key)
			default:
				f.found.add("O6 fingerprint: %s %s is not as in the source at the end", table, key)
			}
			delete(have, key)
		}
		for _, key := range slices.Sorted(maps.Keys(have)) {
			f.found.add("O6 fingerprint: %s %s is not in the source at the end", table, key)
		}
	}
	return nil
}
