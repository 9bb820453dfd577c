package postgres

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/internal/testenv"
)

// keyCase is a table t (id, a, ...) and whether its key is published.
type keyCase struct {
	name        string
	setup       string
	key         []string // the file's
	publication string   // of an administrator's: the tables and options of CREATE PUBLICATION; "": ours
	old         string   // the state on a server that publishes no generated columns; "": all is well
	newest      string   // the state on the newest
	words       string   // of the problem
	manual      string   // the fix, where it has no SQL or the file's part of it is not enough
}

var keyCases = []keyCase{
	{
		name:  "all of the primary key",
		setup: `CREATE TABLE t (id int, a int, k int GENERATED ALWAYS AS (id + 1) STORED PRIMARY KEY)`,
		old:   "key_not_published", words: "k of its primary key (generated",
	},
	{
		name:  "a part of the primary key",
		setup: `CREATE TABLE t (id int, a int, b int DEFAULT 0, k int GENERATED ALWAYS AS (id + b) STORED, PRIMARY KEY (a, k))`,
		old:   "key_not_published", words: `key = ["a", "id", "b"]`,
	},
	{
		name: "primary key and FULL",
		setup: `CREATE TABLE t (id int, a int, k int GENERATED ALWAYS AS (id + 1) STORED PRIMARY KEY);
			ALTER TABLE t REPLICA IDENTITY FULL`,
		old: "key_not_published", words: `key = ["id"]`, manual: "-",
	},
	{
		name: "FULL and a key in the file",
		setup: `CREATE TABLE t (id int, a int, k int GENERATED ALWAYS AS (id + 1) STORED PRIMARY KEY);
			ALTER TABLE t REPLICA IDENTITY FULL`,
		key: []string{"id"},
	},
	{
		name:  "the published part of the primary key in the file",
		setup: `CREATE TABLE t (id int, a int, k int GENERATED ALWAYS AS (a % 2) STORED, PRIMARY KEY (id, k))`,
		key:   []string{"id"},
	},
	{
		name: "partitions",
		setup: `CREATE TABLE t (id int, a int, k int GENERATED ALWAYS AS (a % 2) STORED, PRIMARY KEY (id, k)) PARTITION BY HASH (id);
			CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
		old: "key_not_published", words: `key = ["id", "a"]`,
	},
	{
		name: "partitions, with more to come",
		setup: `CREATE TABLE t (id int, a int, k int GENERATED ALWAYS AS (a % 2) STORED, PRIMARY KEY (id, k)) PARTITION BY RANGE (id);
			CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)`,
		old: "key_not_published", words: "give it a primary key of columns that are published",
		manual: "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (id)",
	},
	{
		name: "an index as the identity, without a primary key",
		setup: `CREATE TABLE t (id int, a int, k int NOT NULL GENERATED ALWAYS AS (id + 1) STORED);
			CREATE UNIQUE INDEX i ON t (k); ALTER TABLE t REPLICA IDENTITY USING INDEX i`,
		old: "key_not_published", words: "k of its replica identity",
	},
	{
		name: "an index as the identity, which has the primary key",
		setup: `CREATE TABLE t (id int PRIMARY KEY, a int, k int NOT NULL GENERATED ALWAYS AS (id + 1) STORED);
			CREATE UNIQUE INDEX i ON t (id, k); ALTER TABLE t REPLICA IDENTITY USING INDEX i`,
	},
	{
		name:  "a generated column as the file's key",
		setup: `CREATE TABLE t (id int PRIMARY KEY, a int, k int GENERATED ALWAYS AS (id + 1) STORED); ALTER TABLE t REPLICA IDENTITY FULL`,
		key:   []string{"k"}, old: "column_generated", words: "made of id", manual: "ALTER TABLE t ALTER k DROP EXPRESSION",
	},
	{
		name:        "administrator's: all of the primary key",
		setup:       `CREATE TABLE t (id int, a int, k int GENERATED ALWAYS AS (id + 1) STORED PRIMARY KEY)`,
		publication: "FOR TABLE t", old: "key_not_published", newest: "key_not_published", words: "k of its primary key (generated",
	},
	{
		name:        "administrator's: all tables, inserts only",
		setup:       `CREATE TABLE t (id int, a int, b int DEFAULT 1, k int GENERATED ALWAYS AS (a % 2) STORED, PRIMARY KEY (id, k))`,
		publication: "FOR ALL TABLES WITH (publish = 'insert')", old: "key_not_published", newest: "key_not_published", words: "k of its",
	},
	{
		name:        "administrator's: leaves of a tree",
		publication: "FOR TABLE t WITH (publish = 'insert')",
		setup: `CREATE TABLE t (id int, a int, k int GENERATED ALWAYS AS (a % 2) STORED, PRIMARY KEY (id, k)) PARTITION BY RANGE (id);
			CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)`,
		old: "key_not_published", newest: "key_not_published", words: "public.t1",
		manual: "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (id)",
	},
	{
		name:        "administrator's: a column list without a part of the key",
		setup:       `CREATE TABLE t (id int, a int, k int DEFAULT 0, PRIMARY KEY (id, k))`,
		publication: "FOR TABLE t (id, a) WHERE (id > 0) WITH (publish = 'insert')",
		old:         "key_not_published", newest: "key_not_published", words: "k of its primary key (not in the publication's column list)",
	},
	{
		name:        "administrator's: a column list without the file's key",
		setup:       `CREATE TABLE t (id int PRIMARY KEY, a int, k int DEFAULT 0)`,
		publication: "FOR TABLE t (id, a) WITH (publish = 'insert')", key: []string{"k"},
		old: "key_not_published", newest: "key_not_published", words: "k of key (not in",
	},
	{
		name:        "administrator's: the file's key does not exist",
		setup:       `CREATE TABLE t (id int PRIMARY KEY, a int)`,
		publication: "FOR TABLE t", key: []string{"ident"},
		old: "column_missing", newest: "column_missing", words: "its columns: id, a", manual: "ALTER TABLE t ADD ident int",
	},
	{
		name: "administrator's: the index of the identity stands in",
		setup: `CREATE TABLE t (id int NOT NULL UNIQUE, a int, k int DEFAULT 7 PRIMARY KEY);
			ALTER TABLE t REPLICA IDENTITY USING INDEX t_id_key`,
		publication: "FOR TABLE t (id, a)",
	},
	{
		name:        "administrator's: a part of the identity, and no key",
		publication: "FOR TABLE t",
		setup: `CREATE TABLE t (id int NOT NULL, a int, k int NOT NULL GENERATED ALWAYS AS (a % 2) STORED);
			CREATE UNIQUE INDEX i ON t (id, k); ALTER TABLE t REPLICA IDENTITY USING INDEX i`,
		old: "key_not_published", newest: "key_not_published", words: "k of its replica identity",
	},
}

func TestKeyNotPublished(t *testing.T) {
	everywhere(t, func(s site) {
		for _, k := range keyCases {
			s.Run(k.name, func(t *testing.T) { k.run(site{t, s.server, s.db}) })
		}
	})
}

func (k *keyCase) run(s site) {
	s.exec(`DROP SCHEMA public CASCADE`, `CREATE SCHEMA public`, `DROP PUBLICATION IF EXISTS pub_`+s.db)
	s.exec(strings.Split(k.setup, ";")...)
	c := s.config("public.t")
	if k.publication != "" {
		s.exec(`CREATE PUBLICATION pub_` + s.db + ` ` + k.publication)
		c.Manage, c.Tables = false, nil
	}
	if k.key != nil {
		c.Options = []TableOption{{Name: "public.t", Key: k.key}}
	}
	state := k.old
	if s.server.Version >= 18 {
		state = k.newest
	}
	if state != "" {
		p := s.refused(c, state, k.words)
		s.Log(p, p.Fix)
		switch {
		case k.manual == "":
			s.fix(p)
		case k.manual != "-":
			s.exec(strings.Split(k.manual, ";")...)
		}
		if m := regexp.MustCompile(`table "(.*)" \{ key = \["(.*)"\] \}`).FindStringSubmatch(p.Fix); m != nil {
			c.Options = []TableOption{{Name: m[1], Key: strings.Split(m[2], `", "`)}}
		}
	}
	s.publish(c)
	s.exec(`INSERT INTO t (id, a) VALUES (1, 1)`)
	if !strings.Contains(k.publication, "'insert'") {
		s.exec(`UPDATE t SET a = 3 WHERE id = 1`, `DELETE FROM t`)
	}
}

// What Postgres itself does with generated columns, on which the checks are built.
func TestGeneratedColumnsOfPostgres(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE t (id int, k int NOT NULL GENERATED ALWAYS AS (id + 1) STORED)`, `CREATE UNIQUE INDEX i ON t (k)`,
			`ALTER TABLE t REPLICA IDENTITY USING INDEX i`, `CREATE PUBLICATION p FOR TABLE t`)
		conn := s.control(s.config())
		_, err := conn.Exec(s.Context(), "DELETE FROM public.t")
		if got, want := pgconnect.SQLState(err), map[bool]string{true: "42P10"}[s.server.Version >= 18]; got != want {
			s.Errorf("DELETE with an identity that is not published: %v, want %q", err, want)
		}
		if s.server.Version >= 18 {
			_, err = conn.Exec(s.Context(), "CREATE TABLE public.v (id int, k int GENERATED ALWAYS AS (id + 1) VIRTUAL PRIMARY KEY)")
			if pgconnect.SQLState(err) != "0A000" {
				s.Errorf("a primary key on a virtual column: %v", err)
			}
		}
	})
}

// A key that becomes a generated column while the stream runs: nothing is handed out with a wrong key, also when the
// primary key is a plain one again before the rows in between are read.
func TestKeyBecomesGenerated(t *testing.T) {
	everywhere(t, func(s site) {
		for name, c := range map[string]struct{ alter, change, plain string }{
			"whole, insert":                     {"ADD PRIMARY KEY (k)", "INSERT INTO t VALUES (2, 2)", "ADD PRIMARY KEY (id)"},
			"whole, delete":                     {"ADD PRIMARY KEY (k)", "DELETE FROM t", "ADD PRIMARY KEY (id)"},
			"whole, delete, the column is gone": {"ADD PRIMARY KEY (k)", "DELETE FROM t", "DROP COLUMN k, ADD PRIMARY KEY (id)"},
			"part, insert":                      {"ADD PRIMARY KEY (id, k)", "INSERT INTO t VALUES (1, 2)", "ADD PRIMARY KEY (id, a)"},
			"part, update":                      {"ADD PRIMARY KEY (id, k)", "UPDATE t SET a = 5 WHERE id = 1", "ADD PRIMARY KEY (id, a)"},
		} {
			if s.server.Version >= 18 && strings.Contains(c.plain, "DROP") {
				continue // the server refuses the DELETE
			}
			s.Run(name, func(t *testing.T) {
				db := testenv.NewDatabase(t, s.server)
				s.server.ExecIn(t, db, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int NOT NULL, k int NOT NULL "+
					"GENERATED ALWAYS AS (a % 2) STORED)", "INSERT INTO t VALUES (1, 1)")
				config := testConfig(s.server, db)
				config.Manage = false
				s.server.ExecIn(t, db, "CREATE PUBLICATION "+config.Publication+" FOR TABLE t")
				config.Tables = nil
				p := startTapOnly(t, config)
				before := p.seen()
				s.server.ExecIn(t, db, "ALTER TABLE t DROP CONSTRAINT t_pkey", "ALTER TABLE t "+c.alter)
				if s.server.Version < 18 || strings.HasPrefix(c.change, "INSERT") {
					s.server.ExecIn(t, db, c.change)
				} else {
					s.server.ExecIn(t, db, "INSERT INTO t VALUES (3, 4)") // the server itself refuses the other
				}
				p.wait("the state", func() bool { return p.reported("key_not_published") })
				p.close()
				s.server.ExecIn(t, db, "ALTER TABLE t DROP CONSTRAINT t_pkey", "ALTER TABLE t ALTER k SET NOT NULL", "ALTER TABLE t "+c.plain)
				again := openTap(t, config, p.recorded()...)
				again.wait("the state again", func() bool { return again.reported("key_not_published") })
				again.close()
				for _, p := range []*tap{p, again} {
					if got := p.seen(); len(got) > len(before) {
						t.Errorf("handed out %q", got)
					}
				}
			})
		}
	})
}

// startTapOnly opens a tap and waits until its first start is over.
func startTapOnly(t *testing.T, c Config) *tap {
	t.Helper()
	p := openTap(t, c)
	p.wait("the lasting slot", func() bool { return p.streams >= 2 })
	return p
}
