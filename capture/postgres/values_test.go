package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode/typecases"
)

// showAll prints a change with the kind of each value.
func showAll(c *capture.Change) string {
	return fmt.Sprintf("%s %s: %s| %s", c.Op, c.Table, showRow(c.Table, c.Before), showRow(c.Table, c.After))
}

func showRow(t *capture.Table, values []capture.Value) string {
	var b strings.Builder
	for i, v := range values {
		mark := map[capture.ValueKind]string{capture.Null: "null", capture.Unchanged: "unchanged", capture.Absent: "absent"}[v.Kind]
		if v.Kind == capture.Text {
			mark = "=" + v.String()
		}
		fmt.Fprintf(&b, "%s %s ", t.Columns[i].Name, mark)
	}
	return b.String()
}

// awkward are values whose text is hard to escape.
var awkward = []struct{ sql, value string }{
	{"text", `E'tab\tnewline\nreturn\rback\\slash\b\f\v end\\'`},
	{"text", `'\N'`},
	{"text", `'\.'`},
	{"text", `'N'`},
	{"text", "' '"},
	{"text", `'🐘 é '||chr(1)||chr(127)||chr(160)||chr(1114111)`},
	{"text", `repeat('ab\', 100000)`},
	{"text", `repeat(E'\t', 3000)`},
	{"bytea", `decode(repeat('00ff5c0a09', 20000), 'hex')`},
	{"bytea", "''"},
	{"float4", "'1e-45'"},
	{"float4", "0.1"},
	{"float8", "'-0'"},
	{"float8", "'Infinity'"},
	{"float8", "1e308"},
	{"float8", "0.1::float8+0.2::float8"},
	{"numeric", "'NaN'"},
	{"numeric", "'-Infinity'"},
	{"numeric", "repeat('9', 1000)::numeric"},
	{"numeric", "1e-20"},
	{"numeric(10,4)", "1"},
	{"date", "'0044-03-15 BC'"},
	{"date", "'5874897-12-31'"},
	{"timestamp", "'294276-12-31 23:59:59.999999'"},
	{"timestamp", "'-infinity'"},
	{"timestamptz", "'1900-01-01 00:00:00+00:19:32'"},
	{"timestamptz(0)", "'2026-01-02 03:04:05.6Z'"},
	{"interval", "'-1 year 2 mons -3 days 04:05:06.7'"},
	{"interval", "'178000000 years'"},
	{"timetz", "'24:00:00-15:59'"},
	{"text[]", `array['', 'NULL', null, 'a"b', 'a\b', '{', ',', E'\t']`},
	{"text[]", "'{}'"},
	{"int[]", "'[0:1][-1:0]={{1,2},{3,4}}'"},
	{"daterange", "'[infinity,]'"},
	{"int8range", "'empty'"},
	{"tsmultirange", "'{[2026-01-01,2026-01-02),[2027-01-01,)}'"},
	{"jsonb", `'{"b": [1.10, "\u00e9\n"], "a": null}'`},
	{"json", `E'{\t"a" :  1,\n"a":2}'`},
	{"xml", `'<a b="&lt;">x</a>'`},
	{"money", "'-92233720368547758.08'"},
	{"bit(8)", "B'00001111'"},
	{"cidr", "'::ffff:0:0/96'"},
	{"macaddr8", "'08:00:2b:01:02:03:04:05'"},
	{"path", "'[(0,0),(1,1e300)]'"},
	{"circle", "'<(0.1,0.2),3>'"},
	{"line", "'{1,-1,0}'"},
	{"polygon", "'((0,0),(1,1))'"},
	{"lseg", "'[(0,0),(1,1)]'"},
	{"tsquery", "'a & !b <-> c'"},
	{"txid_snapshot", "'10:20:10,14'"},
	{"xid8", "'18446744073709551615'"},
	{"tid", "'(4294967295,65535)'"},
	{"regtype", "'int4'"},
	{"regproc", "'pg_catalog.now'"},
	{"name", "repeat('x', 63)"},
	{`"char"`, `'\377'`},
}

// A value has one text: in the snapshot, in the stream and in a query of ours, whatever the database's settings are.
func TestSnapshotAndStreamGiveTheSameText(t *testing.T) {
	t.Parallel()
	everywhere(t, func(s site) {
		s.exec(typecases.Setup...)
		columns, values, nulls := []string{"id int PRIMARY KEY"}, []string{"1"}, []string{"2"}
		var names []string
		add := func(typ, value string) {
			name := fmt.Sprintf("c%d", len(names))
			names = append(names, name)
			columns, values = append(columns, name+" "+typ), append(values, value)
			if strings.HasPrefix(typ, "it.price") { // a domain that is NOT NULL
				nulls = append(nulls, value)
			} else {
				nulls = append(nulls, "NULL")
			}
		}
		for _, c := range typecases.All {
			add(c.SQL, c.Value)
		}
		for _, c := range awkward {
			add(c.sql, c.value)
		}
		list := strings.Join(names, ", ")
		s.exec("CREATE TABLE v ("+strings.Join(columns, ", ")+")",
			"INSERT INTO v VALUES ("+strings.Join(values, ", ")+"), ("+strings.Join(nulls, ", ")+")")
		for _, setting := range []string{
			"DateStyle = 'German'", "IntervalStyle = 'iso_8601'", "TimeZone = 'Asia/Kathmandu'", "extra_float_digits = -3",
			"bytea_output = 'escape'", "xmlbinary = 'hex'", "search_path = it, ext", "quote_all_identifiers = on",
			"client_min_messages = 'error'", "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on",
		} {
			s.exec("ALTER DATABASE " + s.db + " SET " + setting)
		}
		c := testConfig(s.server, s.db)
		p := newTap(s.T, c)
		var table *capture.Table
		p.show = func(c *capture.Change) string {
			table = c.Table
			return showAll(c)
		}
		p.open()
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		s.exec("BEGIN READ WRITE; INSERT INTO public.v SELECT id + 10, "+list+" FROM public.v ORDER BY id; COMMIT",
			"BEGIN READ WRITE; UPDATE public.v SET id = id + 10 WHERE id > 10; COMMIT")
		p.wait("two rows three times", func() bool { return len(p.changes) >= 6 })
		p.reached()
		p.close()

		texts := "SELECT id::text" // format calls a type's output function; a cast to text is something else
		for _, name := range names {
			texts += ", CASE WHEN num_nulls(" + name + ") = 0 THEN format('%s', " + name + ") END"
		}
		texts += " FROM public.v WHERE id IN (1, 2) ORDER BY id"
		rows, err := s.control(&c).Query(s.Context(), texts)
		if err != nil {
			s.Fatal(err)
		}
		var i int
		for rows.Next() {
			for j, c := range typecases.All {
				if got := string(rows.RawValues()[1+j]); i == 0 && got != c.Text {
					s.Errorf("%s %s is %q, want %q", c.SQL, c.Value, got, c.Text)
				}
			}
			var row []capture.Value
			for _, b := range rows.RawValues() {
				v := capture.Value{}
				if b != nil {
					v = capture.Value{Kind: capture.Text, Bytes: b}
				}
				row = append(row, v)
			}
			want := showRow(table, row)
			for j, change := range []string{p.changes[i], p.changes[i+2], p.changes[i+4]} {
				_, got, _ := strings.Cut(change, "| ")
				got = strings.Replace(got, fmt.Sprintf("id =%d", i+1+10*j), fmt.Sprintf("id =%d", i+1), 1)
				want := want
				if j == 2 { // what is stored apart did not change, so it was not sent
					for _, col := range table.Columns {
						if strings.Contains(got, col.Name+" unchanged ") {
							want = withUnchanged(table, row, got)
						}
					}
				}
				if got != want {
					s.Errorf("row %d, image %d differs:\n%s", i+1, j, firstDifference(got, want))
				}
			}
			i++
		}
		if !strings.Contains(p.changes[0], "=0.30000000000000004 ") {
			s.Error("a float lost digits")
		}
		if rows.Err() != nil || i != 2 {
			s.Fatal(i, rows.Err())
		}
	})
}

func withUnchanged(t *capture.Table, row []capture.Value, got string) string {
	row = slices.Clone(row)
	for i, col := range t.Columns {
		if strings.Contains(got, " "+col.Name+" unchanged ") {
			row[i] = capture.Value{Kind: capture.Unchanged}
		}
	}
	return showRow(t, row)
}

func firstDifference(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	from := max(0, n-40)
	return fmt.Sprintf("got  %q\nwant %q", a[from:min(len(a), n+80)], b[from:min(len(b), n+80)])
}

// Every kind of table goes through the snapshot and the stream as the same rows.
func TestEveryKindOfTable(t *testing.T) {
	t.Parallel()
	everywhere(t, func(s site) {
		long := strings.Repeat("é", 31) + "x" // 63 bytes
		s.exec(`CREATE SCHEMA "od d🐘"`,
			`CREATE TABLE "od d🐘"."Ta""b.le" ("I d" int PRIMARY KEY, "select" text, "a""b'c\" text, "🐘" int)`,
			`CREATE TABLE "`+long+`" ("`+long+`" int PRIMARY KEY)`,
			`CREATE TABLE gen (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 0 + 7) STORED, z text)`,
			`CREATE TABLE nokey (v text)`, `ALTER TABLE nokey REPLICA IDENTITY FULL`,
			`CREATE TABLE full_ (id int PRIMARY KEY, v text, big text)`, `ALTER TABLE full_ REPLICA IDENTITY FULL`,
			`ALTER TABLE full_ ALTER big SET STORAGE EXTERNAL`,
			`CREATE TABLE by_index (id int PRIMARY KEY, other int NOT NULL UNIQUE, v text)`,
			`ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_other_key`,
			`CREATE TABLE toast (id int PRIMARY KEY, v text, big text)`, `ALTER TABLE toast ALTER big SET STORAGE EXTERNAL`,
			`CREATE TABLE tree (id int, part int, v text, PRIMARY KEY (id, part)) PARTITION BY LIST (part)`,
			`CREATE TABLE tree_1 PARTITION OF tree FOR VALUES IN (1)`,
			`CREATE TABLE tree_2 (v text, part int NOT NULL, gone int, id int NOT NULL)`, `ALTER TABLE tree_2 DROP gone`,
			`ALTER TABLE tree ATTACH PARTITION tree_2 FOR VALUES IN (2)`,
			`CREATE TABLE parent (id int PRIMARY KEY, v text)`, `CREATE TABLE child (more int, PRIMARY KEY (id)) INHERITS (parent)`,
			`CREATE TABLE gap (a int, id int PRIMARY KEY, b int)`, `ALTER TABLE gap DROP a`, `ALTER TABLE gap ADD c int DEFAULT 7`,
			`CREATE TABLE wide (id int PRIMARY KEY, `+wideColumns(400)+`)`)
		rows := []string{
			`INSERT INTO "od d🐘"."Ta""b.le" VALUES ($1, 'x', 'y', 1)`, `INSERT INTO "` + long + `" VALUES ($1)`, `INSERT INTO gen (id, z) VALUES ($1, 'z')`,
			`INSERT INTO nokey VALUES ('$1')`, `INSERT INTO full_ VALUES ($1, 'v', repeat('x', 5000))`, `INSERT INTO by_index VALUES ($1, $1, 'v')`,
			`INSERT INTO toast VALUES ($1, 'v', repeat('x', 5000))`, `INSERT INTO tree VALUES ($1, 1, 'one'), ($1, 2, 'two')`,
			`INSERT INTO parent VALUES ($1, 'p')`, `INSERT INTO child VALUES (100 + $1, 'c', 5)`, `INSERT INTO gap (id, b) VALUES ($1, 2)`,
			`INSERT INTO wide (id, c7) VALUES ($1, 7)`,
		}
		run := func(n string) {
			for _, sql := range rows {
				s.exec(strings.ReplaceAll(sql, "$1", n))
			}
		}
		run("1")
		c := testConfig(s.server, s.db)
		c.Tables = []string{"public.*", "od d🐘.*"}
		c.Options = []TableOption{{Name: "public.by_index", Key: []string{"other"}}}
		p := newTap(s.T, c)
		p.show = showAll
		p.open()
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		run("2")
		p.wait("the rows twice", func() bool { return len(p.changes) >= 26 })
		p.reached()
		read, inserted := p.seen()[:13], p.seen()[13:]
		for i := range inserted {
			inserted[i] = strings.NewReplacer("insert ", "read ", "=2 ", "=1 ", "=102 ", "=101 ").Replace(inserted[i])
			// Values that are 2 in both would be 1 in one only.
			read[i] = strings.NewReplacer("=2 ", "=1 ").Replace(read[i])
		}
		slices.Sort(read)
		slices.Sort(inserted)
		for i := range read {
			if read[i] != inserted[i] {
				s.Errorf("the snapshot and the stream differ:\n%s", firstDifference(read[i], inserted[i]))
			}
		}
		s.images(p)
	})
}

func wideColumns(n int) string {
	cols := make([]string, n)
	for i := range cols {
		cols[i] = fmt.Sprintf("c%d int", i)
	}
	return strings.Join(cols, ", ")
}

// images looks at the old rows that each replica identity gives, and at values that are stored apart.
func (s site) images(p *tap) {
	big := strings.Repeat("x", 5000)
	for _, c := range []struct{ sql, want string }{
		{`UPDATE toast SET v = 'w' WHERE id = 1`, `update public.toast: | id =1 v =w big unchanged `},
		{`UPDATE toast SET id = 9 WHERE id = 1`, `update public.toast: id =1 v absent big absent | id =9 v =w big unchanged `},
		{`DELETE FROM toast WHERE id = 9`, `delete public.toast: id =9 v absent big absent | `},
		{`UPDATE full_ SET v = NULL WHERE id = 1`, `update public.full_: id =1 v =v big =` + big + ` | id =1 v null big =` + big + ` `},
		{`DELETE FROM full_ WHERE id = 1`, `delete public.full_: id =1 v null big =` + big + ` | `},
		{`UPDATE by_index SET v = 'w' WHERE id = 1`, `update public.by_index: | id =1 other =1 v =w `},
		{`UPDATE by_index SET other = 5 WHERE id = 1`, `update public.by_index: id absent other =1 v absent | id =1 other =5 v =w `},
		{`DELETE FROM nokey WHERE v = '1'`, `delete public.nokey: v =1 | `},
		{`UPDATE tree SET part = 2 WHERE id = 1 AND part = 1 AND false`, ``},
		{`DELETE FROM tree WHERE id = 1 AND part = 2`, `delete public.tree: id =1 part =2 v absent | `},
	} {
		n := len(p.seen())
		s.exec(c.sql)
		p.reached()
		got := strings.Join(p.seen()[n:], "\n")
		if got != c.want {
			s.Errorf("%s:\n%s", c.sql, firstDifference(got, c.want))
		}
	}
}
