package drain

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/bench/site"
)

// shape is a kind of backlog.
type shape struct {
	name, title  string
	share        float64 // of the requested rows
	make         func(rows int) site.Shape
	full         bool // drained into every sink; otherwise into the sinks that other tools are measured with
	producerPerf bool // with a line for the upper limit of the broker
	noDebezium   bool // it would take minutes
}

// shapes lists all shapes, the most informative first.
var shapes = []shape{
	{name: "insert1000", title: "inserts in transactions of 1,000 rows", share: 1, make: Inserts(1000), full: true, producerPerf: true},
	{name: "insert1", title: "inserts in transactions of 1 row", share: 0.5, make: Inserts(1), full: true, producerPerf: true},
	{name: "change", title: "updates and deletes in transactions of 1,000 rows", share: 0.5, make: changes},
	{name: "mix", title: "60 % inserts, 30 % updates, 10 % deletes over 50 tables, transactions of 100 rows", share: 0.5, make: mix},
	{name: "wide", title: "rows of 40 columns, transactions of 1,000 rows", share: 0.2, make: wide, producerPerf: true},
	{name: "2kb", title: "rows of 2 KB, transactions of 100 rows", share: 0.2, make: large(100, "%s", "repeat(md5(g::text), 58)"), producerPerf: true},
	{
		name: "toast", title: "rows of 100 KB, TOASTed, transactions of 10 rows", share: 0.015,
		make: large(10, external, "repeat(md5(g::text), 3125)"), producerPerf: true,
	},
	{
		name: "huge", title: "one transaction of all rows", share: 2,
		make: func(rows int) site.Shape { return Inserts(rows)(rows) }, noDebezium: true,
	},
}

const external = "%s; ALTER TABLE bench ALTER note SET STORAGE EXTERNAL" // no compression: what is read is what is sent

// Orders is the table of six columns and about 100 bytes per row that most figures are based on.
const Orders = `CREATE TABLE %s (id bigint PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL,
	total numeric(12,2) NOT NULL, note text, updated_at timestamptz NOT NULL)`

// Insert adds the orders in a range of ids, in one statement.
const Insert = `INSERT INTO %s SELECT g, g %% 1000, 'paid', g / 7.0, 'a note of some forty characters, no. ' || g, now()
	FROM generate_series(%s, %s) g`

// Tables creates n copies of orders, bench0 and so on, without rows.
func Tables(n int) (s site.Shape) {
	for i := range n {
		name := fmt.Sprintf("bench%d", i)
		s.Tables = append(s.Tables, name)
		s.Before = append(s.Before, fmt.Sprintf(Orders, name))
	}
	return s
}

// loop makes transactions: body is a list of statements in which i counts from 0.
func loop(transactions int, body ...string) string {
	return fmt.Sprintf("DO $$ BEGIN FOR i IN 0..%d LOOP %s; COMMIT; END LOOP; END $$", transactions-1, strings.Join(body, "; "))
}

// from and to are the ids of the i-th run of n rows.
func from(n int) string { return fmt.Sprintf("i::bigint * %d + 1", n) }

func to(n int) string { return fmt.Sprintf("(i::bigint + 1) * %d", n) }

// Inserts adds orders in transactions of tx rows.
func Inserts(tx int) func(rows int) site.Shape {
	return func(rows int) site.Shape {
		n := max(1, rows/tx)
		return site.Shape{
			Tables: []string{"bench"}, Rows: n * tx,
			Before: []string{fmt.Sprintf(Orders, "bench")},
			Fill:   []string{loop(n, fmt.Sprintf(Insert, "bench", from(tx), to(tx)))},
		}
	}
}

// changes updates every row and deletes it later, alternating transactions of deletes and of updates.
func changes(rows int) site.Shape {
	n := max(1, rows/2000)
	where := fmt.Sprintf("WHERE id BETWEEN %s AND %s", from(1000), to(1000))
	return site.Shape{
		Tables: []string{"bench"}, Rows: n * 2000,
		Before: []string{fmt.Sprintf(Orders, "bench"), loop(n, fmt.Sprintf(Insert, "bench", from(1000), to(1000)))},
		Fill: []string{loop(n, "UPDATE bench SET status = 'sent', total = total + 1, updated_at = now() "+where, "COMMIT",
			"DELETE FROM bench "+where)},
	}
}

// Changes changes all orders with one statement, in transactions of 1,000 rows.
func Changes(statement string) func(rows int) site.Shape {
	return func(rows int) site.Shape {
		n := max(1, rows/1000)
		return site.Shape{
			Tables: []string{"bench"}, Rows: n * 1000,
			Before: []string{fmt.Sprintf(Orders, "bench"), loop(n, fmt.Sprintf(Insert, "bench", from(1000), to(1000)))},
			Fill:   []string{loop(n, fmt.Sprintf("%s WHERE id BETWEEN %s AND %s", statement, from(1000), to(1000)))},
		}
	}
}

const tables = 50

// mix writes to ten of the tables in each transaction, one after the other.
func mix(rows int) site.Shape {
	n := max(1, rows/100)
	s := Tables(tables)
	s.Rows = n * 100
	insert := strings.ReplaceAll(fmt.Sprintf(Insert, "bench%s", "%s", "%s"), "'", "''")
	insert = strings.ReplaceAll(insert, " % ", " %% ") // for format()
	s.Fill = []string{fmt.Sprintf(`DO $$ DECLARE t int; first bigint; BEGIN FOR i IN 0..%d LOOP
		FOR k IN 0..9 LOOP
			t := (i * 10 + k) %% %d;
			first := i::bigint * 6 + 1;
			EXECUTE format('%s', t, first, first + 5);
			EXECUTE format('UPDATE bench%%s SET status = ''sent'', updated_at = now() WHERE id BETWEEN %%s AND %%s', t, first, first + 2);
			EXECUTE format('DELETE FROM bench%%s WHERE id = %%s', t, first + 5);
		END LOOP; COMMIT; END LOOP; END $$`, n-1, tables, insert)}
	return s
}

// wide has columns of many types.
func wide(rows int) site.Shape {
	n := max(1, rows/1000)
	columns, values := []string{"id bigint PRIMARY KEY"}, []string{"g"}
	for i := range 39 {
		kind := []string{"int", "text", "numeric(12,2)", "timestamptz", "boolean", "double precision"}[i%6]
		columns = append(columns, fmt.Sprintf("c%d %s", i, kind))
		values = append(values, []string{"g", "'value ' || g", "g / 7.0", "now()", "g % 2 = 0", "g / 3.0"}[i%6])
	}
	return site.Shape{
		Tables: []string{"bench"}, Rows: n * 1000,
		Before: []string{"CREATE TABLE bench (" + strings.Join(columns, ", ") + ")"},
		Fill: []string{loop(n, fmt.Sprintf("INSERT INTO bench SELECT %s FROM generate_series(%s, %s) g", strings.Join(values, ", "),
			from(1000), to(1000)))},
	}
}

// large has one long column.
func large(tx int, then, note string) func(rows int) site.Shape {
	return func(rows int) site.Shape {
		n := max(1, rows/tx)
		return site.Shape{
			Tables: []string{"bench"}, Rows: n * tx,
			Before: strings.Split(fmt.Sprintf(then, "CREATE TABLE bench (id bigint PRIMARY KEY, note text)"), "; "),
			Fill:   []string{loop(n, fmt.Sprintf("INSERT INTO bench SELECT g, %s FROM generate_series(%s, %s) g", note, from(tx), to(tx)))},
		}
	}
}
