package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// identities are the ways to identify an old row, each as a table with a column for every case of types, and
// columns that are stored out of line.
var identities = []struct{ table, key, identity string }{
	{"by_key", "PRIMARY KEY (id)", "DEFAULT"},
	{"by_two", `PRIMARY KEY ("no.", id)`, "DEFAULT"},
	{"by_full", "PRIMARY KEY (id)", "FULL"},
	{"by_index", "UNIQUE (id)", "USING INDEX by_index_id_key"},
	{"by_row", "CHECK (id > 0)", "FULL"}, // it has no key
}

// TestReplicaEveryType copies and streams every type into tables of every replica identity: the rows of both sides have the
// same text. 13 is the version to migrate away from.
func TestReplicaEveryType(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t).binary
	for _, way := range [][2]int{{testenv.Oldest, testenv.Newest}, {testenv.Newest, testenv.Oldest}, {13, testenv.Newest}} {
		t.Run(fmt.Sprintf("%d to %d", way[0], way[1]), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, binary, way[0], way[1])
			for _, s := range []*testenv.PostgresServer{p.source, p.target} {
				s.Exec(t, typeSetup[1:4]...) // the statements that need an extension
			}
			p.everyType()
		})
	}
}

func (p *pair) everyType() {
	names, columns, values := p.columns()
	p.source.Exec(p.t, typeSetup[:1]...)
	p.source.Exec(p.t, typeSetup[4:]...)
	var tables []string
	for _, i := range identities {
		p.source.Exec(p.t, fmt.Sprintf(`CREATE TABLE %s (id int NOT NULL, "no." text NOT NULL DEFAULT 'x', big text, huge text, %s, %s)`,
			i.table, columns, i.key),
			fmt.Sprintf("ALTER TABLE %s REPLICA IDENTITY %s, ALTER big SET STORAGE EXTERNAL, ALTER huge SET STORAGE EXTERNAL", i.table, i.identity))
		tables = append(tables, i.table)
	}
	each := func(statements ...string) {
		for _, table := range tables {
			for _, sql := range statements {
				p.source.Exec(p.t, strings.NewReplacer("$table", table, "$names", names, "$values", values).Replace(sql))
			}
		}
	}
	full := "INSERT INTO $table (id, big, huge, $names) SELECT i, repeat('é', 3000), repeat('x', 9000), $values FROM generate_series(%d, %d) i"
	empty := "INSERT INTO $table (id) SELECT i FROM generate_series(%d, %d) i"
	each(fmt.Sprintf(full, 1, 9), fmt.Sprintf(empty, 11, 14))
	p.write("tables = [\"public.*\"]\n    table \"public.by_index\" { key = [\"id\"] }")
	p.launch()
	p.streams()
	p.drain()
	p.same(tables...)

	each(
		fmt.Sprintf(full, 21, 26), fmt.Sprintf(empty, 31, 34),
		fmt.Sprintf(full, 101, 190),                                      // so many rows are applied another way
		`UPDATE $table SET "no." = "no." || '!' WHERE id IN (1, 21)`,     // all else is unchanged, and not sent if stored out of line
		"UPDATE $table SET big = 'small' WHERE id IN (2, 22, 11)",        // huge is not sent
		"UPDATE $table SET id = id + 1000 WHERE id IN (3, 23)",           // another key, and most of the row not sent
		"UPDATE $table SET ($names) = ROW($values) WHERE id IN (12, 31)", // from null to values
		"UPDATE $table SET big = huge, huge = NULL, id = id WHERE id IN (4, 24)",
		"DELETE FROM $table WHERE id IN (5, 13, 25, 32)",
		"BEGIN; DELETE FROM $table WHERE id = 6; "+strings.Replace(full, "%d, %d", "6, 6", 1)+"; UPDATE $table SET huge = 'x' WHERE id = 6; COMMIT",
		"UPDATE $table SET big = NULL WHERE id > 140",
	)
	p.source.Exec(p.t, "CREATE TABLE it.nulls AS SELECT "+names+" FROM by_key WHERE id = 14")
	each("UPDATE $table t SET ($names) = (SELECT * FROM it.nulls) WHERE id IN (7, 26)")
	p.drain()
	p.same(tables...)
	p.tailrace("verify", "-fast", p.file)
}

// columns returns the columns of all types that the source supports: their names, definitions and values.
func (p *pair) columns() (names, definitions, values string) {
	cases := typeCases
	if p.source.Version >= 14 {
		cases = append(cases[:len(cases):len(cases)], since14...)
	}
	var n, d, v []string
	for i, c := range cases {
		n = append(n, fmt.Sprintf("c%d", i))
		d = append(d, fmt.Sprintf("c%d %s", i, c.sql))
		v = append(v, fmt.Sprintf("(%s)::%s", c.value, c.sql))
	}
	return strings.Join(n, ", "), strings.Join(d, ", "), strings.Join(v, ", ")
}
