package verify_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/replica/verify"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// pair is a source, and a replica that a Postgres subscription maintains, so that it really lags and really catches up.
type pair struct {
	t              *testing.T
	source, target *pgx.Conn
	slot           string
}

const (
	rows  = 6000
	quiet = 4000 // rows from this id on are not modified
)

const tables = `
CREATE TABLE item (id int, kind text COLLATE "C", amount numeric, ratio float8, code char(8), tags text[], at timestamptz DEFAULT now(),
                   PRIMARY KEY (id, kind));
CREATE TABLE plain (note text, n int, h int);
ALTER TABLE plain REPLICA IDENTITY FULL;`

func newPair(t *testing.T, sourceVersion, targetVersion int) *pair {
	if testing.Short() {
		t.Skip("needs servers")
	}
	source, target := testenv.SharedPostgres(t, sourceVersion), testenv.SharedPostgres(t, targetVersion)
	at, to := testenv.NewDatabase(t, source), testenv.NewDatabase(t, target)
	p := &pair{t: t, source: p0(t, source, at), target: p0(t, target, to), slot: "sub_" + to}
	p.exec(p.source, tables)
	p.exec(p.target, strings.ReplaceAll(tables, `COLLATE "C"`, `COLLATE "und-x-icu"`))
	p.exec(p.source, fmt.Sprintf(`INSERT INTO item SELECT i, 'k' || i %% 3, i / 7.0, sqrt(i), 'c' || i %% 10, ARRAY[i::text, NULL]
		FROM generate_series(1, %d) i`, rows))
	p.exec(p.source, `INSERT INTO plain SELECT 'n', i % 10 FROM generate_series(1, 100) i`)
	p.exec(p.source, `CREATE PUBLICATION pub FOR ALL TABLES`)
	// CREATE SUBSCRIPTION cannot create a slot on its own server: it would wait for itself.
	p.exec(p.source, fmt.Sprintf(`SELECT pg_create_logical_replication_slot('%s', 'pgoutput')`, p.slot))
	p.exec(p.target, fmt.Sprintf(`CREATE SUBSCRIPTION %s CONNECTION '%s' PUBLICATION pub WITH (create_slot = false, slot_name = '%s')`,
		p.slot, conninfo(source, at), p.slot))
	t.Cleanup(func() {
		p.exec(p.target, fmt.Sprintf(`ALTER SUBSCRIPTION %s DISABLE`, p.slot), fmt.Sprintf(`ALTER SUBSCRIPTION %s SET (slot_name = NONE)`, p.slot),
			fmt.Sprintf(`DROP SUBSCRIPTION %s`, p.slot))
	})
	p.until(func() bool {
		return p.value(p.target, `SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'`) == "0"
	})
	return p
}

func p0(t *testing.T, s *testenv.PostgresServer, database string) *pgx.Conn {
	config, err := pgx.ParseConfig(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	config.Database = database
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// conninfo returns the connection string with which a server reaches a database of another one.
func conninfo(s *testenv.PostgresServer, database string) string {
	u, _ := url.Parse(s.URL())
	u.Path = "/" + database
	return u.String()
}

func (p *pair) exec(conn *pgx.Conn, statements ...string) {
	p.t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), s, pgx.QueryExecModeSimpleProtocol); err != nil {
			p.t.Fatalf("%s: %v", s, err)
		}
	}
}

func (p *pair) value(conn *pgx.Conn, query string) (s string) {
	p.t.Helper()
	if err := conn.QueryRow(context.Background(), "SELECT ("+query+")::text").Scan(&s); err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
	return s
}

func (p *pair) until(ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatal("not within a minute")
		}
	}
}

func (p *pair) lsn(query string) (l capture.LSN, err error) {
	var n uint64
	err = p.source.QueryRow(context.Background(), query).Scan(&n)
	return capture.LSN(n), err
}

// verifier returns a Verifier with its own connections.
func (p *pair) verifier() *verify.Verifier {
	return &verify.Verifier{
		Source: p.again(p.source), Target: p.again(p.target), Range: 500,
		End: func(context.Context) (capture.LSN, error) {
			return p.lsn(`SELECT pg_current_wal_flush_lsn() - '0/0'`)
		},
		Durable: func(context.Context) (capture.Position, error) {
			l, err := p.lsn(`SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = '` + p.slot + `'`)
			return capture.Position{LSN: l}, err
		},
	}
}

func (p *pair) again(conn *pgx.Conn) *pgconn.PgConn {
	c, err := pgx.ConnectConfig(context.Background(), conn.Config())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c.PgConn()
}

func (p *pair) tables() map[string]verify.Table {
	all, err := verify.Tables(context.Background(), p.source.PgConn(), "pub", func(n verify.Name) verify.Name { return n })
	if err != nil {
		p.t.Fatal(err)
	}
	by := map[string]verify.Table{}
	for _, t := range all {
		by[t.Source.Table] = t
	}
	return by
}

// write modifies rows below quiet until stop is called.
func (p *pair) write() (stop func()) {
	conn, err := pgx.ConnectConfig(context.Background(), p.source.Config())
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		defer conn.Close(context.Background())
		random := rand.New(rand.NewPCG(1, 2))
		for ctx.Err() == nil {
			id := random.IntN(quiet-1) + 1
			for _, s := range []string{
				`UPDATE item SET amount = amount + 1 WHERE id = $1`,
				`DELETE FROM item WHERE id = $1`,
				`INSERT INTO item SELECT $1, 'k' || $1::int % 3, 1, 2, 'c', '{}' ON CONFLICT DO NOTHING`,
				`UPDATE item SET kind = 'x' || kind WHERE id = $1 AND length(kind) < 5`,
			} {
				if _, err := conn.Exec(context.Background(), s, id); err != nil {
					p.t.Errorf("%s: %v", s, err)
					return
				}
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

func kinds(r verify.Result) (all []string) {
	for _, d := range r.Differences {
		all = append(all, fmt.Sprintf("%s%q%q", d.Kind, d.Key, d.Columns))
	}
	slices.Sort(all)
	return all
}

func TestLive(t *testing.T) {
	for _, v := range [][2]int{{testenv.Oldest, testenv.Newest}, {testenv.Newest, testenv.Oldest}} {
		t.Run(fmt.Sprintf("%d to %d", v[0], v[1]), func(t *testing.T) {
			p := newPair(t, v[0], v[1])
			item := p.tables()["item"]
			stop := p.write()
			defer stop()
			check := func(what string, v *verify.Verifier, want ...string) verify.Result {
				t.Helper()
				r, err := v.Table(t.Context(), item, nil)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if got := kinds(r); !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
				if r.Rows < quiet {
					t.Errorf("%s: %d rows compared", what, r.Rows)
				}
				return r
			}
			check("equal", p.verifier())
			check("equal", p.verifier())
			p.exec(p.target, `DELETE FROM item WHERE id = 5000`, `UPDATE item SET tags = '{x}', ratio = NULL WHERE id = 4500`,
				`INSERT INTO item VALUES (5500, 'more')`, `INSERT INTO item VALUES (7000, 'last')`)
			damage := []string{
				`different["4500" "k0"]["ratio" "tags"]`, `extra["5500" "more"][]`, `extra["7000" "last"][]`, `missing["5000" "k2"][]`,
			}
			check("damaged", p.verifier(), damage...)
			keeps := p.verifier()
			keeps.Keeps = true
			check("damaged, and keeps what the source deletes", keeps, damage[0], damage[3])
			repair := p.verifier()
			repair.Repair = true
			for _, d := range check("repaired", repair, damage...).Differences {
				if !d.Repaired {
					t.Errorf("not repaired: %v", d)
				}
			}
			check("after the repair", p.verifier())
			stop()
			p.same()
		})
	}
}

// same compares all tables while there are no writes.
func (p *pair) same() {
	p.t.Helper()
	const sum = `SELECT md5(string_agg(i::text, ',' ORDER BY id, kind COLLATE "C")) FROM item i`
	p.until(func() bool { return p.value(p.source, sum) == p.value(p.target, sum) })
}

// A range of the replica has more rows than one check reads, and more differences than the limit: a repair continues.
func TestARangeOfManyLooks(t *testing.T) {
	p := newPair(t, testenv.Newest, testenv.Newest)
	item := p.tables()["item"]
	p.exec(p.target, `INSERT INTO item SELECT g, 'extra' FROM generate_series(100000, 100199) g`, `INSERT INTO item VALUES (99999, 'other')`)
	v := p.verifier()
	v.Range, v.Limit = 10, 5
	if _, err := v.Table(t.Context(), item, []string{"99998", ""}); !errors.Is(err, verify.ErrTooMany) {
		t.Errorf("without a repair: %v", err)
	}
	v.Repair = true
	r, err := v.Table(t.Context(), item, []string{"99998", ""})
	if err != nil || len(r.Differences)+r.More != 201 {
		t.Errorf("%d differences and %d more, %v", len(r.Differences), r.More, err)
	}
	p.same()
}

// A table without a key is repaired exactly while it is modified: it writes no row twice, and none that the stream inserts or
// deletes later.
func TestKeylessLive(t *testing.T) {
	for _, v := range [][2]int{{testenv.Oldest, testenv.Newest}, {testenv.Newest, testenv.Oldest}} {
		t.Run(fmt.Sprintf("%d to %d", v[0], v[1]), func(t *testing.T) {
			p := newPair(t, v[0], v[1])
			plain := p.tables()["plain"]
			stop := p.writePlain()
			defer stop()
			p.exec(p.target, `DELETE FROM plain WHERE n = 3`, `INSERT INTO plain SELECT 'n', 4 FROM generate_series(1, 3)`, `INSERT INTO plain VALUES ('more', 1)`)
			repair := p.verifier()
			repair.Repair = true
			for repaired := false; !repaired; {
				r, err := repair.Table(t.Context(), plain, nil)
				if err != nil {
					t.Fatal(err)
				}
				repaired = len(r.Differences) == 1 && r.Differences[0].Repaired
			}
			stop()
			const rows = `SELECT string_agg(p::text, ',' ORDER BY p::text COLLATE "C") FROM plain p`
			p.until(func() bool { return p.value(p.source, rows) == p.value(p.target, rows) })
		})
	}
}

// A row that is written between the look at the source and the repair waits for the lock, and is neither removed nor written twice.
func TestKeylessRepairUnderLock(t *testing.T) {
	p := newPair(t, testenv.Newest, testenv.Newest)
	p.exec(p.target, `DELETE FROM plain WHERE n = 3`)
	repair := p.verifier()
	repair.Repair = true
	end, asked := repair.End, 0
	repair.End = func(ctx context.Context) (capture.LSN, error) {
		l, err := end(ctx)
		if asked++; asked == 3 { // after two waits for the replica, this is the one under the lock
			p.exec(p.source, `INSERT INTO plain VALUES ('later', 99)`)
			p.until(func() bool {
				return p.value(p.target, `SELECT EXISTS (SELECT FROM plain WHERE n = 99)
					OR EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'plain'::regclass)`) == "true"
			})
		}
		return l, err
	}
	r, err := repair.Table(t.Context(), p.tables()["plain"], nil)
	if err != nil || len(r.Differences) != 1 || !r.Differences[0].Repaired || asked < 3 {
		t.Errorf("%+v, %v, asked %d times", r, err, asked)
	}
	const rows = `SELECT string_agg(p::text, ',' ORDER BY p::text COLLATE "C") FROM plain p`
	p.until(func() bool { return p.value(p.source, rows) == p.value(p.target, rows) })
}

// A table without a key whose rows change between all looks is reported as not compared.
func TestKeylessNotCompared(t *testing.T) {
	p := newPair(t, testenv.Newest, testenv.Newest)
	plain := p.tables()["plain"]
	p.exec(p.target, `DELETE FROM plain WHERE n = 3`)
	v := p.verifier()
	end := v.End
	v.End = func(ctx context.Context) (capture.LSN, error) { // between the digest of the source and that of the replica
		p.exec(p.source, `INSERT INTO plain VALUES ('later', 99)`)
		return end(ctx)
	}
	if r, err := v.Table(t.Context(), plain, nil); err != nil || !r.NotCompared || len(r.Differences) > 0 {
		t.Errorf("while rows are written: %+v, %v", r, err)
	}
	v.End = end
	if r, err := v.Table(t.Context(), plain, nil); err != nil || r.NotCompared || len(r.Differences) != 1 {
		t.Errorf("after that: %+v, %v", r, err)
	}
}

// writePlain occasionally modifies rows of the table without a key until stop is called.
func (p *pair) writePlain() (stop func()) {
	conn := p.again(p.source)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			sql := fmt.Sprintf(`INSERT INTO plain VALUES ('n', %[1]d); DELETE FROM plain WHERE ctid = (SELECT min(ctid) FROM plain WHERE n = %[2]d);
				UPDATE plain SET note = note || '.' WHERE n = %[3]d`, n%10, (n+5)%10, (n+7)%10)
			if _, err := conn.Exec(context.Background(), sql).ReadAll(); err != nil {
				p.t.Errorf("%s: %v", sql, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

func TestOf(t *testing.T) {
	p := newPair(t, testenv.Newest, testenv.Newest)
	all := p.tables()
	table := func(t verify.Table, after []string) verify.Result {
		r, err := p.verifier().Table(p.t.Context(), t, after)
		if err != nil {
			p.t.Fatal(err)
		}
		return r
	}
	if r := table(all["plain"], nil); len(r.Differences) != 0 || r.Rows != 100 {
		t.Errorf("without a key: %+v", r)
	}
	p.exec(p.target, `UPDATE plain SET note = 'm' WHERE ctid = (SELECT min(ctid) FROM plain)`)
	if r := table(all["plain"], nil); len(r.Differences) != 1 || r.Differences[0].Kind != "rows" {
		t.Errorf("without a key, damaged: %+v", r)
	}
	repaired := p.verifier()
	repaired.Repair = true
	r, err := repaired.Table(t.Context(), all["plain"], nil)
	if err != nil || len(r.Differences) != 1 || !r.Differences[0].Repaired || r.Differences[0].Detail != "1 row was missing in the replica and 1 too many" {
		t.Errorf("without a key, repaired: %+v, %v", r, err)
	}
	if r := table(all["plain"], nil); len(r.Differences) != 0 || r.Rows != 100 {
		t.Errorf("without a key, after the repair: %+v", r)
	}
	if r := table(all["item"], []string{"5990", "k2"}); r.Rows != rows-5990 {
		t.Errorf("behind a key: %+v", r)
	}
	p.exec(p.target, `ALTER TABLE item DROP COLUMN code`)
	if got := kinds(table(all["item"], nil)); !slices.Equal(got, []string{`no_column[]["code"]`}) {
		t.Errorf("without a column: %q", got)
	}
	p.exec(p.target, `ALTER TABLE item RENAME TO other`)
	if got := kinds(table(all["item"], nil)); !slices.Equal(got, []string{`no_table[][]`}) {
		t.Errorf("without the table: %q", got)
	}
}
