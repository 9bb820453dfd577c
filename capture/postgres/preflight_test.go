package postgres

import (
	"strings"
	"testing"
)

// harm is a table that must not be published as it is.
type harm struct {
	name   string
	setup  string // makes public.t
	option TableOption
	state  string
	words  []string
	manual string // the fix, where it is not SQL that can be run as it stands
	grows  bool   // a partition that is made after the fix can be updated, too
}

var harms = []harm{
	{
		name: "no primary key", setup: `CREATE TABLE t (id int, a int)`,
		state: "replica_identity_missing", words: []string{"public.t", "UPDATE and DELETE", "except"},
	},
	{
		name: "identity nothing", setup: `CREATE TABLE t (id int PRIMARY KEY, a int); ALTER TABLE t REPLICA IDENTITY NOTHING`,
		state: "replica_identity_missing", words: []string{"NOTHING", "DEFAULT"},
	},
	{
		name: "identity index dropped", setup: `CREATE TABLE t (id int NOT NULL, a int);
		CREATE UNIQUE INDEX i ON t (id); ALTER TABLE t REPLICA IDENTITY USING INDEX i; DROP INDEX i`,
		state: "replica_identity_missing", words: []string{"index", "gone"},
	},
	{
		name: "deferrable primary key", setup: `CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, a int)`,
		state: "replica_identity_missing", words: []string{"deferrable"},
	},
	{
		name: "partition without identity", setup: `CREATE TABLE t (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); ALTER TABLE t1 REPLICA IDENTITY NOTHING`,
		state: "replica_identity_missing", words: []string{"public.t1"},
	},
	{
		name: "partition with another identity", setup: `CREATE TABLE t (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); ALTER TABLE t REPLICA IDENTITY FULL`,
		state: "replica_identity_mixed", words: []string{"public.t1"},
	},
	{
		name: "tree without a primary key", setup: `CREATE TABLE t (id int, a int) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); ALTER TABLE t1 REPLICA IDENTITY FULL`,
		state: "replica_identity_missing", words: []string{"public.t has", "partitions"}, manual: "ALTER TABLE t ADD PRIMARY KEY (id)",
	},
	{
		name: "tree under FULL without a primary key", setup: `CREATE TABLE t (id int, a int) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE t1 REPLICA IDENTITY FULL`,
		state: "replica_identity_not_inherited", words: []string{"public.t has REPLICA IDENTITY FULL", "created later", "ADD PRIMARY KEY (...)", "except"},
		manual: "ALTER TABLE t ADD PRIMARY KEY (id)", grows: true,
	},
	{
		name: "tree under FULL with a unique index", setup: `CREATE TABLE t (id int, a int) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); CREATE UNIQUE INDEX ON t (a, id);
		ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE t1 REPLICA IDENTITY FULL`,
		state: "replica_identity_not_inherited", words: []string{`ADD PRIMARY KEY ("a", "id");`}, grows: true,
	},
	{
		name: "tree with an index and no primary key", setup: `CREATE TABLE t (id int NOT NULL, a int NOT NULL) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); CREATE UNIQUE INDEX i ON t (id);
		ALTER TABLE t REPLICA IDENTITY USING INDEX i; ALTER TABLE t1 REPLICA IDENTITY USING INDEX t1_id_idx`,
		state: "replica_identity_not_inherited", words: []string{"an index", `ADD PRIMARY KEY ("id");`}, grows: true,
	},
	{
		name: "tree with an index besides its primary key", setup: `CREATE TABLE t (id int, a int NOT NULL, PRIMARY KEY (id)) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); CREATE UNIQUE INDEX i ON t (id, a);
		ALTER TABLE t REPLICA IDENTITY USING INDEX i; ALTER TABLE t1 REPLICA IDENTITY USING INDEX t1_id_a_idx`,
		state: "replica_identity_not_inherited", words: []string{"old rows would lack a"}, grows: true,
	},
	{
		name: "tree under FULL with a key of the file", setup: `CREATE TABLE t (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE t1 REPLICA IDENTITY FULL`,
		option: TableOption{Key: []string{"a"}}, state: "replica_identity_not_inherited", words: []string{"lack a of key"}, manual: "-",
	},
	{
		name: "tree under FULL with a filter", setup: `CREATE TABLE t (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE t1 REPLICA IDENTITY FULL`,
		option: TableOption{Where: "a < 100"}, state: "replica_identity_not_inherited", words: []string{"and a filter"}, manual: "-",
	},
	{
		name: "partition with another index", setup: `CREATE TABLE t (id int NOT NULL, a int NOT NULL, PRIMARY KEY (id, a))
			PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); CREATE UNIQUE INDEX i ON t1 (id);
		ALTER TABLE t1 REPLICA IDENTITY USING INDEX i`,
		state: "replica_identity_mixed", words: []string{"lacks a,"},
	},
	{
		name: "unlogged partition", setup: `CREATE TABLE t (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
		CREATE UNLOGGED TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)`,
		state: "table_not_publishable", words: []string{"partition public.t1"}, manual: "ALTER TABLE t1 SET LOGGED",
	},
	{
		name: "unlogged", setup: `CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int)`,
		state: "table_not_publishable", words: []string{"unlogged"},
	},
	{
		name: "filter outside the identity", setup: `CREATE TABLE t (id int PRIMARY KEY, a int)`,
		option: TableOption{Where: "id > 0 AND a IS DISTINCT FROM 7 -- really"},
		state:  "filter_breaks_updates", words: []string{"where of public.t uses a,", "REPLICA IDENTITY FULL"},
	},
	{
		name: "filter outside a partition's identity", setup: `CREATE TABLE t (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
		CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)`,
		option: TableOption{Where: "a IS DISTINCT FROM 7"},
		state:  "filter_breaks_updates", words: []string{"public.t1"},
	},
	{
		name: "columns without the identity", setup: `CREATE TABLE t (id int, k int DEFAULT 0, a int, PRIMARY KEY (id, k))`,
		option: TableOption{Columns: []string{"id", "a"}},
		state:  "columns_break_updates", words: []string{"k"}, manual: "ALTER TABLE t DROP COLUMN k CASCADE; ALTER TABLE t ADD PRIMARY KEY (id)",
	},
	{
		name: "columns with FULL", setup: `CREATE TABLE t (id int PRIMARY KEY, a int); ALTER TABLE t REPLICA IDENTITY FULL`,
		option: TableOption{Columns: []string{"id", "a"}}, state: "columns_break_updates", words: []string{"FULL"},
	},
	{
		name: "key not carried", setup: `CREATE TABLE t (id int PRIMARY KEY, a int)`,
		option: TableOption{Key: []string{"a"}}, state: "key_not_carried", words: []string{"a of key"},
	},
	{
		name: "primary key not carried", setup: `CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL DEFAULT 0);
		CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX i`,
		state: "key_not_carried", words: []string{"id of the primary key"},
	},
	{
		name: "unknown column", setup: `CREATE TABLE t (id int PRIMARY KEY, a int, customer_id int)`,
		option: TableOption{Columns: []string{"id", "custmer_id"}}, state: "column_missing",
		words: []string{"custmer_id", "did you mean customer_id?"}, manual: "ALTER TABLE t RENAME customer_id TO custmer_id",
	},
	{
		name: "filter with unknown column", setup: `CREATE TABLE t (id int PRIMARY KEY, a int)`,
		option: TableOption{Where: "idd > 3"}, state: "filter_invalid", words: []string{`column "idd" does not exist`},
		manual: "ALTER TABLE t RENAME id TO idd; ALTER TABLE t ADD id int",
	},
	{
		name: "filter with a syntax error", setup: `CREATE TABLE t (id int PRIMARY KEY, a int)`,
		option: TableOption{Where: "id >> > 3"}, state: "filter_invalid", words: []string{"syntax error"}, manual: "-",
	},
	{
		name: "filter with a function of the user's", setup: `CREATE TABLE t (id int PRIMARY KEY, a int);
		CREATE FUNCTION f(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'`,
		option: TableOption{Where: "public.f(id)"}, state: "filter_invalid", words: []string{"User-defined"}, manual: "-",
	},
	{
		name: "filter that breaks out", setup: `CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY)`,
		option: TableOption{Where: "true), public.u WHERE (true"}, state: "filter_invalid", words: []string{"parentheses"}, manual: "-",
	},
	{
		name: "filter with two statements", setup: `CREATE TABLE t (id int PRIMARY KEY, a int)`,
		option: TableOption{Where: "true); DROP TABLE t; CREATE PUBLICATION p FOR TABLE public.t WHERE (true"}, state: "filter_invalid",
		words: []string{"multiple commands"}, manual: "-",
	},
}

func TestHarmlessRefusals(t *testing.T) {
	everywhere(t, func(s site) {
		for _, h := range harms {
			s.Run(h.name, func(t *testing.T) {
				s := site{t, s.server, s.db}
				s.exec(`DROP SCHEMA public CASCADE`, `CREATE SCHEMA public`, `DROP PUBLICATION IF EXISTS pub_`+s.db)
				s.exec(strings.Split(h.setup, ";")...)
				s.exec(`INSERT INTO t (id, a) VALUES (1, 1)`)
				c := s.config("public.t")
				if h.option.Key != nil || h.option.Columns != nil || h.option.Where != "" {
					h.option.Name = "public.t"
					c.Options = []TableOption{h.option}
				}
				p := s.refused(c, h.state, h.words...)
				if n := s.server.Query(t, s.db, `SELECT count(*) FROM pg_publication`); n != "0" {
					t.Errorf("%s publications after a refusal", n)
				}
				s.exec(`UPDATE t SET a = 2 WHERE id = 1`)
				switch h.manual {
				case "-":
					return
				case "":
					s.fix(p)
				default:
					s.exec(strings.Split(h.manual, ";")...)
				}
				s.publish(c)
				s.exec(`UPDATE t SET a = 3 WHERE id = 1`, `DELETE FROM t`)
				if h.grows {
					s.exec(`CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (100) TO (200)`, `INSERT INTO t (id, a) VALUES (101, 1)`,
						`UPDATE t SET a = 2`, `DELETE FROM t`)
				}
			})
		}
	})
}
