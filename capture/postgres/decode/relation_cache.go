package decode

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// Relations maps the relation ids of the stream to tables. It lives as long as the source, over all its connections, so
// that a shape keeps its pointer. One goroutine uses it.
//
// The stream is older than the catalogue, by hours after a long stop: names, columns, types and identity come from the
// relation message, and the catalogue adds the numbers of columns, the key (see keyOf), which keys are deferrable, which
// columns are NOT NULL, and the definitions of types. docs/decisions/0024 describes how both are made to match at one
// moment.
type Relations struct {
	control Control
	keys    map[string][]string // the file's `key` by "schema.table"
	slot    string              // the slot whose transactions the stream delivers
	wait    time.Duration       // how long a transaction may take to become visible

	read      versions // of the catalogue
	ended     ended    // transactions of the stream
	burst     burst
	types     typeSet // replaced on each connection, and when a type was altered
	typeWatch typeWatch
	shapes    map[uint32]*capture.Table // the last shape that was returned, over all connections

	live      map[uint32]*capture.Table // the tables that this connection has described
	described map[uint32]described
	cut       map[uint32]cutKey // the live tables whose rows lack a part of the key
	lastID    uint32            // the table of the last lookup: rows come in runs
	last      *capture.Table

	rules       Rules                 // nil: no rows are reduced
	baselines   map[uint32]Baseline   // by OID
	reduced     map[uint32]*Reduction // the last description of each table whose rows are reduced, over all connections
	reducedID   uint32                // the table of the last lookup in reduced
	reducedLast *Reduction
}

// Control lends the control connection for the duration of one call, exclusively.
type Control func(ctx context.Context, use func(*pgx.Conn) error) error

// NewRelations creates the relations of a source. control lends the connection on which the catalogue is read, keys has the
// file's `key` by "schema.table", and slot is the slot whose transactions the stream delivers; "": there is no stream.
func NewRelations(c Control, keys map[string][]string, slot string) *Relations {
	return &Relations{
		control:   c,
		keys:      keys,
		slot:      slot,
		wait:      visibleWait,
		read:      versions{tables: map[uint32][]version{}},
		ended:     ended{wanted: map[uint32]bool{}},
		types:     newTypeSet(),
		burst:     burst{pause: burstPause},
		shapes:    map[uint32]*capture.Table{},
		live:      map[uint32]*capture.Table{},
		described: map[uint32]described{},
		cut:       map[uint32]cutKey{},
		baselines: map[uint32]Baseline{},
		reduced:   map[uint32]*Reduction{},
	}
}

// Preload begins a connection. It forgets the tables that the last connection described, because the server will describe
// every table again, and reads all tables of the publication at once, so that the descriptions need no query each.
func (r *Relations) Preload(ctx context.Context, conn *pgx.Conn, publication string) error {
	from, err := finishedBefore(ctx, conn, r.slot)
	if err != nil {
		return err
	}
	all, err := publishedTables(ctx, conn, publication)
	if err != nil {
		return err
	}
	oids := map[uint32]struct{}{}
	for _, d := range all.tables {
		for i := range d.columns {
			oids[d.columns[i].Type] = struct{}{}
		}
	}
	r.types = r.types.next()
	if err := r.readTypes(ctx, conn, slices.Collect(maps.Keys(oids))); err != nil {
		return err
	}
	r.read.from, r.ended = from, ended{wanted: map[uint32]bool{}}
	r.learn(all)
	r.live, r.lastID, r.last = map[uint32]*capture.Table{}, 0, nil
	r.described = map[uint32]described{}
	r.cut = map[uint32]cutKey{}
	return nil
}

// nameType records a type's name from the stream: of a type that has been dropped, no other source has the name.
func (r *Relations) nameType(m pgoutput.Type) { r.types.named[m.ID] = m }

// message handles the description of a table in the transaction xid, and returns the table: with the previous pointer when
// nothing has changed. If the catalogue has not been read since the transaction, it reads it over the control connection;
// the error is that connection's.
func (r *Relations) message(ctx context.Context, xid uint32, m *pgoutput.Relation) (*capture.Table, error) {
	d, exists, err := r.at(ctx, xid, m)
	if err != nil {
		return nil, err
	}
	if err := r.resolve(ctx, m, d); err != nil {
		return nil, err
	}
	return r.describe(m, d, exists), nil
}

// describe makes m the current description of the table, completed from the catalogue.
func (r *Relations) describe(m *pgoutput.Relation, d description, exists bool) *capture.Table {
	r.described[m.ID] = described{m, d, exists}
	t, cut := r.build(m, d, exists)
	if red := r.reduce(t, m, d); red != nil {
		r.reduced[m.ID], t = red, red.table
	} else {
		delete(r.reduced, m.ID)
	}
	r.reducedID, r.reducedLast = 0, nil
	if old := r.shapes[m.ID]; old != nil && reflect.DeepEqual(old, t) {
		t = old
	}
	r.shapes[m.ID], r.live[m.ID], r.cut[m.ID] = t, t, cut
	r.lastID, r.last = 0, nil
	return t
}

// table returns the table for an id that message was given on this connection, else nil. A row of op that lacks a part of
// the key is an error. A description is not, because the server also describes partitions whose rows are published under
// their root's name.
func (r *Relations) table(id uint32, op capture.Op) (*capture.Table, error) {
	if id == r.lastID && r.last != nil {
		return r.last, nil
	}
	t := r.live[id]
	if t == nil {
		return nil, nil
	}
	if cut := r.cut[id]; cut.columns != nil {
		if op == capture.Truncate || op == capture.Insert && cut.old {
			return t, nil
		}
		return nil, keyNotSent(t, cut.columns)
	}
	r.lastID, r.last = id, t
	return t, nil
}

// forget removes a table from those that were described.
func (r *Relations) forget(id uint32) {
	delete(r.live, id)
	delete(r.described, id)
	r.lastID, r.last = 0, nil
}

// resolve reads the types of a table that are still unknown.
func (r *Relations) resolve(ctx context.Context, m *pgoutput.Relation, d description) error {
	if len(r.types.missing(columnTypes(m, d))) == 0 {
		return nil
	}
	return r.control(ctx, func(conn *pgx.Conn) error { return r.readTypes(ctx, conn, columnTypes(m, d)) })
}

// columnTypes returns the types of a message's columns, and of the generated ones that it may lack.
func columnTypes(m *pgoutput.Relation, d description) []uint32 {
	oids := make([]uint32, len(m.Columns))
	for i := range m.Columns {
		oids[i] = m.Columns[i].Type
	}
	for i := range d.columns {
		if d.columns[i].Generated {
			oids = append(oids, d.columns[i].Type)
		}
	}
	return oids
}

// build creates the table of a message whose types are all known, and returns which columns of the key its rows lack.
func (r *Relations) build(m *pgoutput.Relation, d description, exists bool) (*capture.Table, cutKey) {
	t := &capture.Table{OID: m.ID, Schema: m.Schema, Name: m.Name, Columns: make([]capture.Column, len(m.Columns))}
	var cut cutKey
	t.Key, cut = keyOf(m, r.keys[t.String()], &d, exists)
	for i, c := range m.Columns {
		t.Columns[i] = capture.Column{
			Name:     c.Name,
			Type:     r.types.types[c.Type],
			Modifier: c.Modifier,
			Key:      slices.Contains(t.Key, i),
			Identity: c.Key,
			Nullable: !c.Key || m.Identity == pgoutput.IdentityFull,
			Inline:   r.types.inline(c.Type, c.Modifier),
			Fill:     capture.FillUnknown,
		}
		if a := d.column(c.Name); a != nil {
			a.describe(&t.Columns[i])
		}
	}
	t.Computed, t.Deferrable = r.computed(m, d), d.late
	return t, cut
}

// Watch keeps what is known of the catalogue close to it. Another goroutine than that of the stream calls it.
func (r *Relations) Watch(ctx context.Context, conn *pgx.Conn) error {
	if _, err := r.typeWatch.compare(ctx, conn); err != nil {
		return err
	}
	return r.read.watch(ctx, conn)
}
