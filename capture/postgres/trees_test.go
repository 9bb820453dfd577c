package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// treeCase is what happens to a tree. $ is its schema: table t with rows in partition t1, and with the empty partition t2.
type treeCase struct {
	name string
	sql  []string
	want string // what the warning says of it; "": nothing
	away string // what it says where it happened while no daemon ran and the partition is gone; "": want
	// blind is what it says where the role may not read partitions; "": want. "-": nothing, "?": it depends on when the look comes.
	blind string
}

const (
	likeT   = "CREATE TABLE $.t3 (LIKE $.t INCLUDING ALL)"
	attach3 = "ALTER TABLE $.t ATTACH PARTITION $.t3 FOR VALUES FROM (20) TO (30)"
)

var treeCases = []treeCase{
	{name: "leaf truncated", sql: []string{"TRUNCATE $.t1"}, want: "partition $.t1 of $.t was truncated"},
	{
		name: "leaf truncated and filled", sql: []string{"TRUNCATE $.t1", "INSERT INTO $.t VALUES (7, 1)", "ANALYZE $.t1"},
		want: "partition $.t1 of $.t was truncated", blind: "?",
	},
	{
		name: "truncated and filled in one transaction", sql: []string{"DO $$BEGIN TRUNCATE $.t1; INSERT INTO $.t VALUES (7, 1); END$$"},
		want: "partition $.t1 of $.t was truncated",
	},
	{name: "root truncated", sql: []string{"TRUNCATE $.t"}},
	{name: "root truncated and filled", sql: []string{"TRUNCATE $.t", "INSERT INTO $.t VALUES (7, 1)"}},
	{name: "root truncated in a subtransaction", sql: []string{
		"DO $$BEGIN BEGIN TRUNCATE $.t; EXCEPTION WHEN division_by_zero THEN NULL; END; END$$",
	}},
	{
		name: "root truncated, then a leaf", sql: []string{"TRUNCATE $.t", "INSERT INTO $.t VALUES (7, 1)", "TRUNCATE $.t1"},
		want: "partition $.t1 of $.t was truncated",
	},
	{name: "created as a partition", sql: []string{
		"CREATE TABLE $.t3 PARTITION OF $.t FOR VALUES FROM (20) TO (30)",
		"INSERT INTO $.t VALUES (7, 21)",
	}},
	{
		name: "attached empty", sql: []string{likeT, attach3, "INSERT INTO $.t VALUES (7, 21)"},
		blind: "?",
	},
	{
		name: "attached with rows", sql: []string{likeT, "INSERT INTO $.t3 VALUES (7, 21)", attach3, "INSERT INTO $.t VALUES (8, 21)"},
		want: "partition $.t3 was attached to $.t with rows",
	},
	{
		name: "attached with rows in one transaction",
		sql:  []string{"DO $$BEGIN " + likeT + "; INSERT INTO $.t3 VALUES (7, 21); " + attach3 + "; INSERT INTO $.t VALUES (8, 21); END$$"},
		want: "partition $.t3 was attached to $.t with rows", blind: "-",
	},
	{
		name: "attached empty and filled in one transaction",
		sql:  []string{"DO $$BEGIN " + likeT + "; " + attach3 + "; INSERT INTO $.t VALUES (8, 21); END$$"},
	},
	{
		name: "subtree attached with rows", sql: []string{
			"CREATE TABLE $.t3 (LIKE $.t INCLUDING ALL) PARTITION BY LIST (d)",
			"CREATE TABLE $.t31 PARTITION OF $.t3 FOR VALUES IN (21)", "INSERT INTO $.t3 VALUES (7, 21)", attach3,
		},
		want: "partition $.t31 was attached to $.t with rows",
	},
	{
		name: "detached", sql: []string{"ALTER TABLE $.t DETACH PARTITION $.t1"}, want: "partition $.t1 of $.t was detached",
		away: "partition with OID [t1] of $.t was detached",
	},
	{
		name: "detached concurrently", sql: []string{"ALTER TABLE $.t DETACH PARTITION $.t1 CONCURRENTLY"},
		want: "partition $.t1 of $.t was detached", away: "partition with OID [t1] of $.t was detached",
	},
	{name: "detached empty", sql: []string{"ALTER TABLE $.t DETACH PARTITION $.t2"}},
	{
		name: "dropped", sql: []string{"DROP TABLE $.t1"}, want: "partition $.t1 of $.t was dropped",
		away: "partition with OID [t1] of $.t was dropped",
	},
	{name: "detached and attached again", sql: []string{
		"ALTER TABLE $.t DETACH PARTITION $.t1",
		"ALTER TABLE $.t ATTACH PARTITION $.t1 FOR VALUES FROM (0) TO (10)",
	}, want: "partition $.t1 of $.t was detached and attached again"},
	{name: "rewritten", sql: []string{
		"VACUUM FULL $.t", "CLUSTER $.t1 USING t1_pkey", "ALTER TABLE $.t ALTER x TYPE bigint",
		"ALTER TABLE $.t1 SET UNLOGGED", "ALTER TABLE $.t1 SET LOGGED", "ALTER TABLE $.t ADD y timestamptz DEFAULT clock_timestamp()",
	}},
	{name: "analyzed and vacuumed", sql: []string{"ANALYZE $.t", "VACUUM FREEZE $.t", "CREATE INDEX ON $.t (x)", "GRANT SELECT ON $.t1 TO PUBLIC"}},
	{name: "dropped with its root", sql: []string{"DROP TABLE $.t"}},
}

// grove is a database with a tree for each case, in a schema of its own.
type grove struct {
	site
	*Config
	roots []string // by case
	oids  []string // of t1, by case
}

func (s site) grove() *grove {
	s.Helper()
	g := &grove{site: s}
	for i := range treeCases {
		g.sql(i, "CREATE SCHEMA $", "CREATE TABLE $.t (id int, d int, x int, PRIMARY KEY (id, d)) PARTITION BY RANGE (d)",
			"CREATE TABLE $.t1 PARTITION OF $.t FOR VALUES FROM (0) TO (10)", "CREATE TABLE $.t2 PARTITION OF $.t FOR VALUES FROM (10) TO (20)",
			"INSERT INTO $.t SELECT g, 1, g FROM generate_series(1, 5) g")
		g.roots = append(g.roots, schemaOf(i)+".t")
		g.oids = append(g.oids, s.server.Query(s, s.db, "SELECT '"+schemaOf(i)+".t1'::regclass::oid"))
	}
	g.Config = s.config("s*.t") // one of them goes
	g.Heartbeat = 0
	return g
}

func schemaOf(i int) string { return fmt.Sprintf("s%d", i) }

func in(schema, text string) string {
	return strings.ReplaceAll(strings.NewReplacer("$$", "\x00", "$", schema).Replace(text), "\x00", "$$")
}

func (g *grove) sql(i int, statements ...string) {
	g.Helper()
	for _, s := range statements {
		g.exec(in(schemaOf(i), s))
	}
}

// happen runs all cases.
func (g *grove) happen() {
	g.Helper()
	for i, c := range treeCases {
		g.sql(i, c.sql...)
	}
}

// judged waits until everything that has happened is in the stream and was judged, and returns what the warning says.
func (p *tap) judgedTrees(s site) (reason string) {
	s.Helper()
	p.reached()
	tr, conn := p.source.trees, s.control(&p.source.config)
	for done := false; !done; {
		if err := tr.Check(s.Context(), conn, func() {}); err != nil {
			s.Fatal(err)
		}
		done = tr.Decided()
	}
	return p.warnings()
}

// warnings returns what all warnings say.
func (p *tap) warnings() string {
	var all []string
	for _, w := range p.source.Health().Warnings {
		all = append(all, w.State+": "+w.Reason)
	}
	return strings.Join(all, "; ")
}

// check compares what the warning says with what the cases want.
func (g *grove) check(reason string, away, blind bool) {
	g.Helper()
	for i, c := range treeCases {
		want := c.want
		switch {
		case away && c.away != "":
			want = strings.Replace(c.away, "[t1]", g.oids[i], 1)
		case blind && c.blind == "?":
			continue
		case blind && c.blind != "":
			want = strings.TrimPrefix(c.blind, "-")
		}
		switch said := strings.Contains(reason, schemaOf(i)+"."); {
		case want == "" && said:
			g.Errorf("%s: the warning names it: %s", c.name, reason)
		case want != "" && !strings.Contains(reason+";", in(schemaOf(i), want)+";"):
			g.Errorf("%s: the warning lacks %q: %s", c.name, in(schemaOf(i), want), reason)
		}
	}
}

// Rows come to trees and go from them while the daemon runs; another process finds the same by the record; and the operator accepts it.
func TestTreesChangeWhileRunning(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		g := s.grove()
		p := openTap(s.T, *g.Config)
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		g.happen()
		g.check(p.judgedTrees(s), false, false)
		s.exec("INSERT INTO s0.t VALUES (9, 9)") // a batch takes what was found to the record
		p.reached()
		p.close()

		record := capture.Record{Sink: "tap", Position: p.held, State: p.state}
		next := newTap(s.T, *g.Config)
		next.held, next.state = p.held, p.state
		next.source.trees.Learn(recordedTrees(record.State))
		next.open()
		next.wait("a stream", func() bool { return next.streams == 1 })
		g.check(next.judgedTrees(s), true, false)

		update, lost, err := acceptTrees(s.Context(), s.control(g.Config), g.publication(), []capture.Record{record})
		if err != nil || len(lost) != strings.Count(p.judgedNames(), ";")+1 {
			s.Fatalf("%d lost, %v: %q", len(lost), err, lost)
		}
		record.State = update(record.State)
		next.source.trees.Learn(recordedTrees(record.State))
		if reason := next.judgedTrees(s); reason != "" {
			s.Errorf("after the acceptance: %s", reason)
		}
		s.exec("TRUNCATE s0.t1")
		if reason := next.judgedTrees(s); !strings.Contains(reason, "s0.t1 of s0.t was truncated") {
			s.Errorf("what happens later: %q", reason)
		}
	})
}

// judgedNames is what the last warning named.
func (p *tap) judgedNames() string {
	for _, w := range p.source.Health().Warnings {
		if w.State == "partitions_changed" {
			return w.Reason
		}
	}
	return ""
}

// The same happens while no daemon runs.
func TestTreesChangeWhileAway(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		g := s.grove()
		p := openTap(s.T, *g.Config)
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		p.judgedTrees(s)
		p.close()
		g.happen()
		next := newTap(s.T, *g.Config)
		next.held, next.state = p.held, p.state
		next.source.trees.Learn(recordedTrees(p.state))
		next.open()
		next.wait("a stream", func() bool { return next.streams == 1 })
		g.check(next.judgedTrees(s), true, false)
	})
}

// The role may read the roots alone, as with an administrator's publication.
func TestTreesThatCannotBeRead(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		g := s.grove()
		role := s.role()
		g.Manage, g.Tables, g.Snapshot = false, nil, SnapshotNever
		s.exec("CREATE PUBLICATION " + g.Publication + " FOR TABLE " + strings.Join(g.roots, ", ") + " WITH (publish_via_partition_root)")
		for i := range treeCases {
			s.exec("GRANT USAGE ON SCHEMA "+schemaOf(i)+" TO "+role, "GRANT SELECT ON "+schemaOf(i)+".t TO "+role)
		}
		p := openTap(s.T, *as(g.Config, role))
		p.wait("a stream", func() bool { return p.streams == 2 })
		p.judgedTrees(s)
		g.happen()
		g.check(p.judgedTrees(s), false, true)
	})
}

// said waits until the warnings say all of these, or, without any, until there is none. It returns the one whose state is the first
// word.
func (p *tap) said(words ...string) *capture.Problem {
	p.t.Helper()
	p.wait(fmt.Sprintf("the warnings %q", words), func() bool {
		text := p.warnings()
		if len(words) == 0 {
			return text == ""
		}
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	})
	for _, w := range p.source.Health().Warnings {
		if len(words) > 0 && w.State == words[0] {
			return w.Problem
		}
	}
	return nil
}

// A tree under FULL that an older version published without a primary key gets a partition, whose UPDATE fails.
func TestTreesWithPartitionsThatCannotBeUpdated(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		s.exec("CREATE TABLE f (id int, d int) PARTITION BY RANGE (d)", "CREATE TABLE f1 PARTITION OF f FOR VALUES FROM (0) TO (10)",
			"ALTER TABLE f REPLICA IDENTITY FULL", "ALTER TABLE f1 REPLICA IDENTITY FULL",
			"CREATE TABLE h (id int, d int) PARTITION BY HASH (d)", "CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
			"ALTER TABLE h REPLICA IDENTITY FULL", "ALTER TABLE h1 REPLICA IDENTITY FULL",
			"INSERT INTO f VALUES (1, 1)", "INSERT INTO h VALUES (1, 1)")
		c := s.config("public.f", "public.h")
		s.refused(c, "replica_identity_not_inherited", "public.f has REPLICA IDENTITY FULL")
		s.exec("CREATE PUBLICATION " + c.Publication + " FOR TABLE f, h WITH (publish_via_partition_root)") // as an older version left it
		p := openTap(s.T, *c)
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		if w := p.said("replica_identity_not_inherited", "public.f"); strings.Contains(w.Reason, "public.h") {
			s.Errorf("a tree that is split by hash gets no further partition: %s", w.Reason)
		}
		s.exec("CREATE TABLE f2 PARTITION OF f FOR VALUES FROM (10) TO (20)", "INSERT INTO f VALUES (2, 11)")
		w := p.said("replica_identity_missing", "public.f2", "every UPDATE and DELETE on it fails")
		s.exec(strings.SplitN(w.Fix, "\n", 2)[0], "UPDATE f SET id = 3")
		w = p.said("replica_identity_not_inherited", "public.f")
		s.exec("DELETE FROM f", "ALTER TABLE f ADD PRIMARY KEY (id, d)") // the fix has the statement without columns: they are not known
		s.fix(w)
		p.said()
		s.exec("CREATE TABLE f3 PARTITION OF f FOR VALUES FROM (20) TO (30)", "INSERT INTO f VALUES (3, 21)", "UPDATE f SET id = 4")
		if reason := p.judgedTrees(s); reason != "" {
			s.Errorf("after the fix: %s", reason)
		}
	})
}

// A partition gets an identity that is none, or that is not its root's, or its changes are in no WAL.
func TestTreesWithOtherIdentities(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		s.exec("CREATE TABLE k (id int PRIMARY KEY, d int NOT NULL) PARTITION BY RANGE (id)",
			"CREATE TABLE k1 PARTITION OF k FOR VALUES FROM (0) TO (10)", "INSERT INTO k VALUES (1, 1)")
		p := openTap(s.T, *s.config("public.k"))
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		s.exec("ALTER TABLE k1 REPLICA IDENTITY NOTHING")
		s.fix(p.said("replica_identity_missing", "public.k1", "NOTHING", "fails"))
		p.said()
		s.exec("UPDATE k SET d = 2", "CREATE TABLE k2 (LIKE k INCLUDING ALL)", "CREATE UNIQUE INDEX other ON k2 (d)",
			"ALTER TABLE k2 REPLICA IDENTITY USING INDEX other", "ALTER TABLE k ATTACH PARTITION k2 FOR VALUES FROM (10) TO (20)")
		s.fix(p.said("replica_identity_mixed", "public.k2 lacks id"))
		p.said()
		s.exec("ALTER TABLE k1 SET UNLOGGED")
		p.said("table_not_publishable", "partition public.k1 of public.k", "unlogged")
		s.exec("ALTER TABLE k1 SET LOGGED")
		p.said()
	})
}

// Tables that inherit are tables of their own: the parent's stream has none of their rows, and their UPDATE goes on.
func TestTablesThatInherit(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		s.exec("CREATE TABLE parent (id int PRIMARY KEY)", "CREATE TABLE kept (x int) INHERITS (parent)", "CREATE TABLE left_out () INHERITS (parent)")
		c := s.config("public.parent", "public.kept")
		c.Tables = append(c.Tables, "public.kep*")
		c.Except = []string{"public.left*"}
		s.exec("ALTER TABLE kept REPLICA IDENTITY FULL")
		p := openTap(s.T, *c)
		p.wait("the lasting slot", func() bool { return p.streams == 2 })
		s.exec("CREATE TABLE late () INHERITS (kept)", "INSERT INTO parent VALUES (1)", "INSERT INTO kept VALUES (2, 2)", "INSERT INTO late VALUES (3, 3)",
			"INSERT INTO left_out VALUES (4)", "UPDATE parent SET id = id + 10", "DELETE FROM parent WHERE id = 14")
		w := p.said("child_not_published", "public.late inherits from public.kept", "public.late inherits from public.parent")
		if strings.Contains(w.Reason, "left_out") || !strings.Contains(w.Fix, `add "public.late" to tables`) {
			s.Errorf("%s\n%s", w.Reason, w.Fix)
		}
		p.expect("insert parent id=1", "insert kept id=2 x=2", "update parent id=11", "update kept id=12 x=2")
		p.close()
		c.Except = append(c.Except, "public.late")
		again := openTap(s.T, *c)
		again.held, again.state = p.held, p.state
		again.wait("a stream", func() bool { return again.streams == 1 })
		if reason := again.judgedTrees(s); reason != "" {
			s.Errorf("what except leaves out is named: %s", reason)
		}
	})
}
