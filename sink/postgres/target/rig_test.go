package target

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// bothWays runs a test with the oldest server as the source of the newest, and vice versa.
func bothWays(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, v := range [][2]int{{testenv.Oldest, testenv.Newest}, {testenv.Newest, testenv.Oldest}} {
		t.Run(fmt.Sprintf("%d to %d", v[0], v[1]), func(t *testing.T) {
			t.Parallel()
			test(t, newRig(t, v[0], v[1]))
		})
	}
}

// rig is a source whose changes are pulled, and a target to which a simple applier writes them one by one.
type rig struct {
	t              *testing.T
	source, target *testenv.PostgresServer
	from, to       string // databases
	conn           *pgconn.PgConn
	changes        chan capture.Change
	started        chan struct{} // a stream has begun
	last           capture.Position
	stop           func() // the source
	marks          int
	fixes          []string // that were followed
}

func newRig(t *testing.T, source, target int) *rig {
	t.Helper()
	r := &rig{
		t: t, source: testenv.SharedPostgres(t, source), target: testenv.SharedPostgres(t, target),
		changes: make(chan capture.Change, 1000), started: make(chan struct{}, 10),
	}
	r.from, r.to = testenv.NewDatabase(t, r.source), testenv.NewDatabase(t, r.target)
	r.stop = func() {}
	t.Cleanup(func() { r.stop() })
	r.connect()
	options := ""
	if source >= 18 {
		options = ", publish_generated_columns = stored"
	}
	r.exec("CREATE TABLE public.mark (n int PRIMARY KEY)",
		"CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_via_partition_root = true"+options+")")
	return r
}

// session has the settings of a sink's connection.
var session = map[string]string{
	"search_path": "", "DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "UTC", "extra_float_digits": "3",
	"bytea_output": "hex", "xmlbinary": "base64", "row_security": "off", "client_min_messages": "warning",
}

func (r *rig) connect() {
	r.t.Helper()
	config, err := pgconn.ParseConfig(r.target.URL(r.to))
	if err != nil {
		r.t.Fatal(err)
	}
	for k, v := range session {
		config.RuntimeParams[k] = v
	}
	if r.conn, err = pgconn.ConnectConfig(r.t.Context(), config); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = r.conn.Close(context.Background()) })
}

// stream starts the source.
func (r *rig) stream() {
	s := postgres.New(postgres.Config{
		URL: r.source.URL(r.from), Tables: []string{"*.*"}, Slot: "s_" + r.from, Publication: "everything",
		Heartbeat: 10 * time.Second, Snapshot: postgres.SnapshotNever, ShutdownGrace: time.Second,
	}, zap.NewNop())
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx, func(err error) { fmt.Fprintln(r.t.Output(), "source:", err) },
			func(ctx context.Context, st capture.Stream) error { return r.read(ctx, st) })
	}()
	r.stop = func() { cancel(); <-done }
	<-r.started
}

// reconnect restarts the source, which reads the definitions of types again.
func (r *rig) reconnect() {
	r.stop()
	for len(r.started) > 0 { // of streams that were restarted
		<-r.started
	}
	r.stream()
}

func (r *rig) read(ctx context.Context, st capture.Stream) error {
	if _, err := st.Resume(ctx, nil); err != nil {
		return err
	}
	r.started <- struct{}{}
	for {
		b, err := st.Next(ctx)
		if err != nil {
			return err
		}
		b, fresh := b.After(r.last)
		if fresh {
			r.last = b.End
			st.Confirm(b.End)
		}
		for _, c := range b.Changes {
			select {
			case r.changes <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// exec runs statements in the source.
func (r *rig) exec(statements ...string) {
	r.t.Helper()
	r.source.ExecIn(r.t, r.from, statements...)
}

// pull returns the changes of the source since the last call.
func (r *rig) pull() []capture.Change {
	r.t.Helper()
	r.marks++
	r.exec(fmt.Sprintf("INSERT INTO public.mark VALUES (%d)", r.marks))
	var all []capture.Change
	for {
		select {
		case c := <-r.changes:
			if c.Table.Name == "mark" && c.Table.Schema == "public" {
				if c.After[0].String() == fmt.Sprint(r.marks) {
					return all
				}
				continue
			}
			all = append(all, c)
		case <-time.After(time.Minute):
			r.t.Fatal("the source sends nothing")
		}
	}
}

// apply writes changes in one transaction and commits unless there is an error. It runs the statements of an Apart separately.
func (r *rig) apply(c *Catalog, changes []capture.Change) (map[string]*Relation, error) {
	r.t.Helper()
	for {
		all, err := r.try(c, changes)
		var apart *Apart
		if !errors.As(err, &apart) {
			return all, err
		}
		for _, sql := range apart.Statements {
			r.must(exec(r.t.Context(), r.conn, sql))
		}
	}
}

func (r *rig) try(c *Catalog, changes []capture.Change) (map[string]*Relation, error) {
	ctx := r.t.Context()
	r.must(exec(ctx, r.conn, "BEGIN"))
	all, by := map[string]*Relation{}, map[*capture.Table]*Relation{}
	for _, change := range changes {
		rel := by[change.Table]
		var err error
		if rel == nil {
			rel, err = c.Relation(ctx, r.conn, change.Table)
			by[change.Table], all[change.Table.String()] = rel, rel
		}
		if err == nil {
			if err = write(ctx, r.conn, rel, change); err != nil {
				if cause := c.Explain(rel, &change, err); cause != nil {
					err = cause
				}
			}
		}
		if err != nil {
			r.must(exec(ctx, r.conn, "ROLLBACK"))
			return nil, err
		}
	}
	r.must(exec(ctx, r.conn, "COMMIT"))
	return all, nil
}

// write applies one change with SQL literals.
func write(ctx context.Context, conn *pgconn.PgConn, rel *Relation, c capture.Change) error {
	into := quote(rel.Schema, rel.Name)
	if c.Op == capture.Truncate {
		return exec(ctx, conn, "TRUNCATE "+into)
	}
	var names, values, sets, where []string
	for i, column := range rel.Columns {
		if c.After != nil && !column.Generated && c.After[i].Kind != capture.Unchanged {
			v := "NULL"
			if c.After[i].Kind == capture.Text {
				v = literal(c.After[i].String()) + "::" + column.Type
			}
			names, values = append(names, column.Name), append(values, v)
			sets = append(sets, quote(column.Name)+" = "+v)
		}
	}
	for _, i := range rel.Key {
		row := c.Before
		if row == nil {
			row = c.After
		}
		where = append(where, quote(rel.Columns[i].Name)+" = "+literal(row[i].String())+"::"+rel.Columns[i].Type)
	}
	switch c.Op {
	case capture.Insert, capture.Read:
		if len(names) == 0 {
			return exec(ctx, conn, "INSERT INTO "+into+" DEFAULT VALUES")
		}
		return exec(ctx, conn, "INSERT INTO "+into+" ("+list(names)+") OVERRIDING SYSTEM VALUE VALUES ("+strings.Join(values, ", ")+")")
	case capture.Update:
		return exec(ctx, conn, "UPDATE "+into+" SET "+strings.Join(sets, ", ")+" WHERE "+strings.Join(where, " AND "))
	case capture.Delete:
		return exec(ctx, conn, "DELETE FROM "+into+" WHERE "+strings.Join(where, " AND "))
	}
	return nil
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// digest returns all rows of a table by the names of the source's columns.
func (r *rig) digest(s *testenv.PostgresServer, db, schema, table, columns string) string {
	r.t.Helper()
	const set = "set_config('search_path', '', false)"
	return s.Query(r.t, db, "SELECT coalesce(string_agg(t.line, E'\\n' ORDER BY t.line), '') FROM (SELECT "+set+
		") AS s, LATERAL (SELECT row("+columns+")::text AS line FROM "+quote(schema, table)+") AS t")
}

// equal compares a table of the source with its target, row by row.
func (r *rig) equal(schema, table, targetSchema, targetTable string) {
	r.t.Helper()
	columns := r.source.Query(r.t, r.from, `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = `+literal(quote(schema, table))+`::regclass AND attnum > 0 AND NOT attisdropped`)
	want := r.digest(r.source, r.from, schema, table, columns)
	if got := r.digest(r.target, r.to, targetSchema, targetTable, columns); got != want {
		r.t.Errorf("%s:\ntarget %s\nsource %s", quote(schema, table), got, want)
	}
}
