package decode

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// The stream has no message about an altered type: neither about an attribute of a composite type nor about a label of an
// enum. So the user-defined types are compared with the catalogue when a table is described, and by the watch.

// described is what a table was built from, so that it can be built again.
type described struct {
	message     *pgoutput.Relation
	description description
	exists      bool
}

// typeWatch detects whether types were altered. Any goroutine may use it.
type typeWatch struct {
	mu          sync.Mutex
	oids        []uint32 // of the user-defined types
	fingerprint int64    // of the catalogue, when they were read
	altered     atomic.Bool
}

// firstMade is the lowest OID of a user-defined type; lower OIDs exist on every server.
const firstMade = 16384

const typesFingerprint = `
SELECT coalesce(pg_catalog.hashtextextended(pg_catalog.string_agg(pg_catalog.concat_ws(' ', t.oid, t.xmin,
    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.xmin), ',' ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0),
    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', e.oid, e.xmin), ',' ORDER BY e.oid)
     FROM pg_catalog.pg_enum e WHERE t.typtype = 'e' AND e.enumtypid = t.oid),
    (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', k.oid, k.xmin), ',' ORDER BY k.oid)
     FROM pg_catalog.pg_constraint k WHERE t.typtype = 'd' AND k.contypid = t.oid)), ',' ORDER BY t.oid), 0), 0)
FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1::pg_catalog.oid[])`

// compare reports whether types were altered since they were read.
func (w *typeWatch) compare(ctx context.Context, conn *pgx.Conn) (altered bool, err error) {
	w.mu.Lock()
	oids, was := w.oids, w.fingerprint
	w.mu.Unlock()
	if len(oids) == 0 {
		return false, nil
	}
	now, err := readTypesFingerprint(ctx, conn, oids)
	if err != nil || now == was {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fingerprint == was {
		w.altered.Store(true)
	}
	return true, nil
}

func readTypesFingerprint(ctx context.Context, conn *pgx.Conn, oids []uint32) (fingerprint int64, err error) {
	if len(oids) == 0 {
		return 0, nil
	}
	if err = conn.QueryRow(ctx, typesFingerprint, oids).Scan(&fingerprint); err != nil {
		err = fmt.Errorf("compare types with the catalogue: %w", err)
	}
	return fingerprint, err
}

// stale reports whether compare found altered types since they were read.
func (w *typeWatch) stale() bool { return w.altered.Load() }

func (w *typeWatch) set(oids []uint32, fingerprint int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.oids, w.fingerprint = oids, fingerprint
	w.altered.Store(false)
}

// readTypes reads types that are not known yet. It reads the fingerprint first: a change in between is detected by the next
// comparison.
func (r *Relations) readTypes(ctx context.Context, conn *pgx.Conn, oids []uint32) error {
	lack := r.types.missing(oids)
	if len(lack) == 0 {
		return nil
	}
	rows, err := typeRows(ctx, conn, lack)
	if err != nil {
		return err
	}
	known := slices.Collect(maps.Keys(r.types.types))
	for oid := range rows {
		known = append(known, oid)
	}
	made := slices.DeleteFunc(known, func(oid uint32) bool { return oid < firstMade })
	slices.Sort(made)
	made = slices.Compact(made)
	fingerprint, err := readTypesFingerprint(ctx, conn, made)
	if err != nil {
		return err
	}
	if len(made) > 0 { // a change meanwhile has another fingerprint
		if rows, err = typeRows(ctx, conn, lack); err != nil {
			return err
		}
	}
	for _, oid := range lack {
		r.types.resolve(oid, rows)
	}
	r.typeWatch.set(made, fingerprint)
	return nil
}

// retype reads all types again, and rebuilds the tables of this connection that use them.
func (r *Relations) retype(ctx context.Context, conn *pgx.Conn) error {
	var oids []uint32
	for oid := range r.types.types {
		oids = append(oids, oid)
	}
	named := r.types.named
	r.types = r.types.next()
	r.types.named = named
	if err := r.readTypes(ctx, conn, oids); err != nil {
		return err
	}
	for id := range r.live {
		d := r.described[id]
		r.describe(d.message, d.description, d.exists)
	}
	return nil
}

// begin records the beginning of a transaction of the stream.
func (r *Relations) begin(ctx context.Context, xid uint32) error {
	r.ended.begin(xid)
	if !r.typeWatch.stale() {
		return nil
	}
	return r.control(ctx, func(conn *pgx.Conn) error { return r.retype(ctx, conn) })
}
