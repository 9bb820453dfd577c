package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// samples are types with literals of values that a replica has to store unchanged.
var samples = []struct{ kind, values string }{
	{"bool", "true|false"},
	{"\"char\"", "a|\\|'|\"|,"},
	{"int2", "-32768|0"},
	{"int8", "9223372036854775807"},
	{"float4", "NaN|-Infinity|1e-30|0.1|-0"},
	{"float8", "0.1|1e300|3.141592653589793|-0"},
	{"numeric", "NaN|Infinity|1.000|0.00000000000000000001|-123456789012345678901234567890"},
	{"numeric(10,3)", "1.500"},
	{"money", "$1,234.56|-$0.01"},
	{"text", "NULL|{}|\"q\"|\\|,|é€𝄞|x y"},
	{"varchar(3)", "abc| a "},
	{"char(5)", "a|abcde"},
	{"bpchar", "a  "},
	{"name", "a name"},
	{"bytea", "\\x00ff5c|\\x"},
	{"bit(5)", "10101"},
	{"bit varying", "101|"},
	{"date", "infinity|0044-03-15 BC|2026-02-28"},
	{"time", "24:00:00|12:00:00.123456"},
	{"timetz", "12:00:00.1+05:30"},
	{"timestamp", "-infinity|2026-01-01 12:00:00.000001"},
	{"timestamptz", "2026-01-01 12:00:00+14|4713-01-01 00:00:00+00 BC"},
	{"interval", "1 year 2 mons -3 days 04:05:06.789|-1 mons +1 day"},
	{"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	{"json", "{\"a\" :  1}|\"x\\\"\\\\y\"|null"},
	{"jsonb", "{\"b\": [1, {\"c\": null}]}|\"\\u00e9\""},
	{"jsonpath", "$.\"a\"[*]?(@ > 1)"},
	{"xml", "<a>b</a>|text"},
	{"inet", "10.1.2.3/8|::1"},
	{"cidr", "10.0.0.0/8"},
	{"macaddr8", "08:00:2b:01:02:03:04:05"},
	{"point", "(1,2)"},
	{"box", "(3,4),(1,2)"},
	{"polygon", "((0,0),(1,1),(1,0))"},
	{"circle", "<(1,2),3>"},
	{"tsvector", "'a':1A 'it''s':2"},
	{"tsquery", "'a' & !'b'"},
	{"pg_lsn", "16/B374D848"},
	{"oid", "4294967295"},
	{"regclass", "pg_class"},
	{"int4range", "[1,5)|empty|(,)"},
	{"tstzrange", "[\"2026-01-01 00:00:00+00\",infinity)"},
	{"int4multirange", "{[1,3),[5,7)}|{}"},
	{"int4[]", "{1,NULL,3}|{}|{{1,2},{3,4}}|[0:1]={5,6}"},
	{"text[]", "{\"a,b\",\"q\\\"\\\\\",NULL,\"NULL\",\"\"}"},
	{"box[]", "{(1,1),(0,0);(2,2),(1,1)}"},
	{"timestamptz[]", "{\"2026-01-01 00:00:00+00\"}"},
	{"int2vector", "1 2 3"},
	{"odd.mood", "sad|very, \"happy\""},
	{"odd.mood[]", "{sad,\"very, \\\"happy\\\"\"}"},
	{"odd.positive", "7"},
	{"odd.positive[]", "{7,8}"},
	{"odd.code", "ab "},
	{"odd.pair", "(1,\"a,b\")|(,)|(1,\"q\"\"\\\\\")"},
	{"odd.pair[]", "{\"(1,x)\",\"(2,\\\"y,z\\\")\"}"},
	{"odd.floats", "[1.5,2.5)"},
}

const oddTypes = `CREATE SCHEMA odd; CREATE TYPE odd.mood AS ENUM ('sad', 'very, "happy"'); CREATE DOMAIN odd.positive AS int CHECK (VALUE > 0);
	CREATE DOMAIN odd.code AS char(3); CREATE TYPE odd.pair AS (n int, t text); CREATE TYPE odd.floats AS RANGE (subtype = float8)`

// TestEveryType writes values of every type by every method, and compares what the tables then print.
func TestEveryType(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		s := testenv.SharedPostgres(t, version)
		r := newRig(t, s, Options{}, oddTypes)
		for n, sample := range samples {
			testType(t, s, r, n, sample.kind, strings.Split(sample.values, "|"))
		}
	}
}

// adopt plans a table as it is in the target, without regard to the source's types.
func (r *rig) adopt(t *testing.T, table *capture.Table) {
	t.Helper()
	rows, err := r.db.Query(t.Context(), `SELECT attname, pg_catalog.format_type(atttypid, -1), typoutput = 'pg_catalog.array_out'::pg_catalog.regproc
		FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type t ON t.oid = atttypid
		WHERE attrelid = pg_catalog.to_regclass($1) AND attnum > 0 ORDER BY attnum`, []byte("public."+table.Name))
	if err != nil {
		t.Fatal(err)
	}
	rel := &target.Relation{Schema: "public", Name: table.Name, Key: table.Key}
	for _, row := range rows {
		rel.Columns = append(rel.Columns, target.Column{Name: string(row[0]), Type: string(row[1]), Array: string(row[2]) == "t"})
	}
	rel.Columns[0].Equal = true
	r.plans[table] = dml.NewPlan(table, rel)
}

func testType(t *testing.T, s *testenv.PostgresServer, r *rig, n int, kind string, values []string) {
	name := fmt.Sprintf("t%d", n)
	s.ExecIn(t, r.database, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s, w text); CREATE TABLE want_%s (LIKE %[1]s)", name, kind, name))
	rows, err := r.db.Query(t.Context(), "SELECT v::"+kind+" FROM unnest($1::pg_catalog.text[]) v",
		dml.AppendArray(nil, len(values), func(i int) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(values[i])} }))
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	values = values[:0]
	for _, row := range rows {
		values = append(values, string(row[0])) // as the source prints them
	}
	table := tableOf(name, "id int4", "v x", "w text").full().key(0)
	r.adopt(t, table)
	write := func(op capture.Op, from, n int) {
		t.Helper()
		var list []*capture.Change
		tx := &capture.Tx{LSN: capture.LSN(0x1000)}
		for id := from; id < from+n; id++ {
			row := func(shift int, w string) []capture.Value {
				v := capture.Value{Kind: capture.Text, Bytes: []byte(values[(id+shift)%len(values)])}
				if (id+shift)%(len(values)+1) == len(values) {
					v = capture.Value{}
				}
				return []capture.Value{{Kind: capture.Text, Bytes: fmt.Append(nil, id)}, v, {Kind: capture.Text, Bytes: []byte(w)}}
			}
			c := &capture.Change{Tx: tx, Seq: uint64(len(list)), Op: op, Table: table}
			switch op {
			case capture.Insert:
				c.After = row(0, "a")
			case capture.Update:
				c.Before, c.After = row(0, "a"), row(1, "b")
			default:
				c.Before = row(1, "b")
			}
			list = append(list, c)
		}
		if err := r.tryBulk(t.Context(), groupOf(list)); err != nil {
			t.Errorf("%s of %d: %s: %v", op, n, kind, err)
			if err := r.rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	same := func(step, shift int, w string) {
		t.Helper()
		for id := range 106 {
			v := pgconnect.Literal(values[(id+shift)%len(values)])
			if (id+shift)%(len(values)+1) == len(values) {
				v = "NULL"
			}
			if err := r.db.Run(t.Context(), fmt.Sprintf("INSERT INTO public.want_%s VALUES (%d, %s, '%s')", name, id, v, w)); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
		}
		sum := "SELECT pg_catalog.count(*) || pg_catalog.md5(pg_catalog.string_agg(t::pg_catalog.text, ';' ORDER BY id)) FROM public."
		rows, err := r.db.Query(t.Context(), "SELECT ("+sum+name+" t), ("+sum+"want_"+name+" t)")
		if err != nil || string(rows[0][0]) != string(rows[0][1]) {
			t.Errorf("%s, step %d: got %s, %v", kind, step, rows, err)
		}
		if err := r.db.Run(t.Context(), "TRUNCATE public.want_"+name); err != nil {
			t.Fatal(err)
		}
	}
	for _, op := range []capture.Op{capture.Insert, capture.Update, capture.Delete} { // one row, an array of rows, COPY
		write(op, 0, 1)
		write(op, 1, 5)
		write(op, 6, 100)
		switch op {
		case capture.Insert:
			same(1, 0, "a")
		case capture.Update:
			same(2, 1, "b")
		}
	}
	if got := s.Query(t, r.database, "SELECT count(*) FROM "+name); got != "0" {
		t.Errorf("%s: %s rows are left", kind, got)
	}
}
