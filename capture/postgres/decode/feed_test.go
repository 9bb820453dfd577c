package decode

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/testenv"
)

// feed is a database with a publication of all tables and a slot, and the relations of its stream.
type feed struct {
	*Relations
	t       *testing.T
	server  *testenv.PostgresServer
	db      string
	conn    *pgx.Conn
	queries int // how often the control connection was borrowed
}

// feedRow is a row as it came out of the stream.
type feedRow struct {
	table *capture.Table
	pgoutput.Row
}

// onVersions runs tests with a server of the oldest and one of the newest version.
func onVersions(t *testing.T, tests ...func(*testing.T, *testenv.PostgresServer)) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		s := testenv.Postgres(t, testenv.Version(version))
		for _, test := range tests {
			name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
			t.Run(fmt.Sprintf("%s/%d", name[strings.LastIndexByte(name, '.')+1:], version),
				func(t *testing.T) { test(t, s) })
		}
	}
}

// newFeed makes a database by the statements, then the publication (with options, such as "publish = 'insert'") and the
// slot, and preloads the relations.
func newFeed(t *testing.T, s *testenv.PostgresServer, options string, keys map[string][]string, setup ...string) *feed {
	t.Helper()
	f := &feed{t: t, server: s, db: testenv.NewDatabase(t, s)}
	var err error
	if f.conn, err = pgx.Connect(t.Context(), s.URL(f.db)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.conn.Close(context.WithoutCancel(t.Context())) })
	f.Relations = NewRelations(func(_ context.Context, use func(*pgx.Conn) error) error {
		f.queries++
		return use(f.conn)
	}, keys, "")
	if options != "" {
		options = " WITH (" + options + ")"
	}
	f.slot = f.db + "_s"
	f.exec(setup...)
	f.exec("CREATE PUBLICATION p FOR ALL TABLES"+options,
		"SELECT pg_catalog.pg_create_logical_replication_slot(current_database() || '_s', 'pgoutput')")
	f.connect()
	return f
}

// exec runs statements, each in a transaction of its own.
func (f *feed) exec(statements ...string) {
	f.t.Helper()
	f.server.ExecIn(f.t, f.db, statements...)
}

// await waits until a query returns true, and gives up after a time that no healthy server needs.
func (f *feed) await(query string) {
	f.t.Helper()
	for range 1_000 {
		if f.server.Query(f.t, f.db, query) == "true" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Errorf("never true: %s", query)
}

// connect does what a new connection of the stream does.
func (f *feed) connect() {
	f.t.Helper()
	if err := f.Preload(f.t.Context(), f.conn, "p"); err != nil {
		f.t.Fatal(err)
	}
}

// refresh does what the watch of a stream does.
func (f *feed) refresh() {
	f.t.Helper()
	if err := f.read.refresh(f.t.Context(), f.conn); err != nil {
		f.t.Fatal(err)
	}
}

// rows passes what the slot has had since the last call through the relations. Each call is a session of the server, so the
// server describes every table again, without another preload of ours.
func (f *feed) rows() []feedRow {
	f.t.Helper()
	const query = `SELECT data FROM pg_catalog.pg_logical_slot_get_binary_changes(
		current_database() || '_s', NULL, NULL, 'proto_version', '1', 'publication_names', 'p')`
	all, err := f.conn.Query(f.t.Context(), query)
	if err != nil {
		f.t.Fatal(err)
	}
	messages, err := pgx.CollectRows(all, pgx.RowTo[[]byte])
	if err != nil {
		f.t.Fatal(err)
	}
	var rows []feedRow
	var begin pgoutput.Begin
	for _, msg := range messages {
		row, err := f.take(&begin, pgoutput.Kind(msg[0]), msg[1:])
		if err != nil {
			f.t.Fatal(err)
		}
		if row != nil {
			rows = append(rows, *row)
		}
	}
	return rows
}

func (f *feed) take(begin *pgoutput.Begin, kind pgoutput.Kind, body []byte) (*feedRow, error) {
	var row feedRow
	var err error
	switch kind {
	case pgoutput.KindBegin:
		err = begin.Decode(body)
		if err == nil {
			err = f.begin(f.t.Context(), begin.XID)
		}
		return nil, err
	case pgoutput.KindType:
		var m pgoutput.Type
		err = m.Decode(body)
		f.nameType(m)
		return nil, err
	case pgoutput.KindRelation:
		var m pgoutput.Relation
		if err = m.Decode(body); err == nil {
			_, err = f.message(f.t.Context(), begin.XID, &m)
		}
		return nil, err
	case pgoutput.KindInsert:
		err = row.DecodeInsert(body, new(pgoutput.Slab))
	case pgoutput.KindUpdate:
		err = row.DecodeUpdate(body, new(pgoutput.Slab))
	case pgoutput.KindDelete:
		err = row.DecodeDelete(body, new(pgoutput.Slab))
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if row.table = f.live[row.Relation]; row.table == nil {
		return nil, fmt.Errorf("a row before its relation %d", row.Relation)
	}
	for _, vals := range [][]capture.Value{row.Old, row.New} {
		if vals != nil && len(vals) != len(row.table.Columns) {
			return nil, fmt.Errorf("%d values for the columns of %s", len(vals), shape(row.table))
		}
	}
	return &row, nil
}

// only returns the table of the one row that the statements make.
func (f *feed) only(statements ...string) *capture.Table {
	f.t.Helper()
	f.exec(statements...)
	rows := f.rows()
	if len(rows) != 1 {
		f.t.Fatalf("%d rows from %q", len(rows), statements)
	}
	return rows[0].table
}

// shape prints a table in one line: its name, its columns with their types, ? for nullable, ! for the identity, and the
// key.
func shape(t *capture.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s(", t)
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name + " " + c.Type.String())
		if c.Modifier >= 0 {
			fmt.Fprintf(&b, "[%d]", c.Modifier)
		}
		if c.Nullable {
			b.WriteByte('?')
		}
		if c.Identity {
			b.WriteByte('!')
		}
	}
	b.WriteString(") key")
	for _, i := range t.Key {
		b.WriteString(" " + t.Columns[i].Name)
		if !t.Columns[i].Key {
			b.WriteString("(not marked)")
		}
	}
	return b.String()
}
