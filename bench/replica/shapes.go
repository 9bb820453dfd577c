package replica

import (
	"fmt"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/site"
)

// shape is a type of backlog on the table bench, whose ids are changed in order, from 1 on.
type shape struct {
	name, title string
	share       float64 // of the requested rows
	make        func(rows int) site.Shape
	done        string // in SQL: the row of id has been changed in the target
}

var shapes = []shape{
	{"insert1000", "inserts in transactions of 1,000 rows", 1, drain.Inserts(1000), "EXISTS (SELECT FROM bench WHERE bench.id = i)"},
	{"insert1", "inserts in transactions of 1 row", 0.5, drain.Inserts(1), "EXISTS (SELECT FROM bench WHERE bench.id = i)"},
	{
		"update", "updates in transactions of 1,000 rows", 1,
		drain.Changes("UPDATE bench SET status = 'sent', total = total + 1, updated_at = now()"),
		"EXISTS (SELECT FROM bench WHERE bench.id = i AND status = 'sent')",
	},
	{"delete", "deletes in transactions of 1,000 rows", 1, drain.Changes("DELETE FROM bench"), "NOT EXISTS (SELECT FROM bench WHERE bench.id = i)"},
}

// reached returns a function that finds how many rows of the backlog are visible. It relies on the order of the tool: all
// ids up to one are changed, and none after it.
const reached = `CREATE FUNCTION bench_reached(low bigint, high bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
	DECLARE i bigint;
	BEGIN
		WHILE low < high LOOP
			i := (low + high + 1) / 2;
			IF %s THEN low := i; ELSE high := i - 1; END IF;
		END LOOP;
		RETURN low;
	END $$`

// seed is the content of a target database before the backlog.
func (s *shape) seed(of site.Shape) []string {
	return append(of.Before[:len(of.Before):len(of.Before)], "CREATE TABLE last (id int PRIMARY KEY)",
		fmt.Sprintf(reached, s.done), "VACUUM (FREEZE, ANALYZE) bench")
}
