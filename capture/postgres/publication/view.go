package publication

import (
	"context"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// View is the publication as one stream began with it: it compares sinks' records with it, and decides for each table that
// the stream describes whether its rows go to the sinks.
type View struct {
	keeper      *Keeper
	config      *Config
	names       *naming
	log         *zap.Logger
	published   *Published
	fingerprint string
	members     map[uint32]membership // of the publication's fingerprint, by OID
	next        uint64                // the next transaction id, read after the fingerprint
	passed      chan struct{}         // closed when the stream has passed the start rule
	warned      map[uint32]bool       // tables for which the log has reported that rows are skipped
}

// View returns the publication for a new stream. next is the next transaction id, read after the publication.
func (k *Keeper) View(pub *Published, next uint64) *View {
	f := &pub.Fingerprint
	f.dropped = k.dropped(f)
	if k.accepted == nil {
		k.names.mu.Lock()
		k.names.began = next
		k.names.mu.Unlock()
	}
	v := &View{
		keeper: k, config: k.config, names: &k.names, log: k.log, published: pub, fingerprint: f.String(),
		members: map[uint32]membership{}, next: next, passed: make(chan struct{}), warned: map[uint32]bool{},
	}
	for _, t := range f.tables {
		v.members[t.member.oid] = t
	}
	return v
}

// Fingerprint returns the text by which sinks record the publication.
func (v *View) Fingerprint() string { return v.fingerprint }

// Tables returns the published tables, by name.
func (v *View) Tables() (tables []*capture.Table) {
	for _, t := range v.published.Tables {
		tables = append(tables, &capture.Table{OID: t.OID, Schema: t.Schema, Name: t.Name})
	}
	return tables
}

// Altered describes how another session altered the publication such that changes are missing in the stream, either since a
// sink recorded its position with a fingerprint or since this process accepted one; nil when none are. Any goroutine may
// call it.
func (v *View) Altered(ctx context.Context, recorded string) ([]string, error) {
	return v.keeper.altered(ctx, v.published, recorded)
}

// Accept records the publication as the one that this process has accepted: the stream has passed the start rule.
func (v *View) Accept(ctx context.Context) {
	v.keeper.accept(ctx, v.published)
	if !v.accepted() {
		close(v.passed)
	}
}

// accepted reports whether Accept has been called.
func (v *View) accepted() bool {
	select {
	case <-v.passed:
		return true
	default:
		return false
	}
}

// Changed reports whether the publication is another one by now, or a table has got a name that only a dropped table of the
// publication had: the next stream is checked. It is cheap.
func (v *View) Changed(ctx context.Context, conn *pgx.Conn) (bool, error) {
	hash, err := v.config.hash(ctx, conn)
	if err != nil {
		return false, err
	}
	reborn := false
	if dropped := v.published.Fingerprint.dropped; len(dropped) > 0 && v.accepted() { // until then Altered finds it
		if reborn, err = v.config.exists(ctx, conn, membersOf(dropped)...); err != nil {
			return false, err
		}
	}
	return hash != v.published.Hash || reborn, nil
}
