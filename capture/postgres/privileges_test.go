package postgres

import (
	"strings"
	"testing"
)

func TestRightsOnTables(t *testing.T) {
	everywhere(t, func(s site) {
		role := s.role()
		s.exec(`CREATE TABLE a (id int PRIMARY KEY, secret text)`)
		c := as(s.config("public.a"), role)
		errs := s.preflight(c)
		s.fix(wantProblem(s, errs, "select_denied", role, "public.a", `mode = "never"`))
		p := s.refused(c, "publication_denied", "CREATE on database", "ownership of public.a")

		// What an administrator may run instead stands in comments.
		admin := ""
		for line := range strings.Lines(p.Fix) {
			if _, sql, ok := strings.Cut(line, "-- CREATE PUBLICATION"); ok {
				admin = "CREATE PUBLICATION" + sql
			}
		}
		s.exec(admin)
		if pub := s.publish(c); pub.Altered() {
			s.Errorf("changed: %+v", pub)
		}

		c.Options = []TableOption{{Name: "public.a", Columns: []string{"id"}}}
		s.refused(c, "publication_denied", "ownership of publication "+c.Publication, "ownership of public.a")
		s.exec(`CREATE ROLE owner_`+s.db, `ALTER TABLE a OWNER TO owner_`+s.db, "GRANT CREATE ON DATABASE "+s.db+" TO owner_"+s.db)
		s.Cleanup(func() { s.exec("DROP OWNED BY owner_"+s.db+" CASCADE", "DROP ROLE owner_"+s.db) })
		p = s.refused(c, "publication_denied", "ownership of public.a", "GRANT")
		s.fix(p)
		want(s, "tables", tablesOf(s.publish(c)), []string{"public.a(id)"})
	})
}

func TestRightsOnColumns(t *testing.T) {
	everywhere(t, func(s site) {
		role := s.role()
		s.exec(`CREATE TABLE a (id int PRIMARY KEY, secret text)`, `GRANT SELECT (id) ON a TO `+role)
		c := as(s.config("public.a"), role)
		c.Options = []TableOption{{Name: "public.a", Columns: []string{"id"}}}
		s.fix(s.refused(c, "publication_denied"))
		s.publish(c)
		c.Snapshot, c.Options = SnapshotNever, nil
		s.publish(c)
	})
}

func TestRowSecurity(t *testing.T) {
	everywhere(t, func(s site) {
		role := s.role()
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`, `ALTER TABLE a ENABLE ROW LEVEL SECURITY`,
			`CREATE POLICY p ON a USING (id > 3)`, `GRANT SELECT ON a TO `+role, "CREATE PUBLICATION pub_"+s.db+" FOR TABLE a")
		c := as(s.config("public.a"), role)
		s.fix(s.refused(c, "row_security", "public.a"))
		if errs := s.preflight(c); len(errs) != 1 || !strings.Contains(errs[0].Error(), "publication_denied") {
			s.Errorf("after the fix: %v", errs)
		}
	})
}

func TestRoleWithoutReplication(t *testing.T) {
	everywhere(t, func(s site) {
		role := s.role()
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`, "ALTER ROLE "+role+" SUPERUSER NOREPLICATION")
		c := as(s.config("public.a"), role)
		s.publish(c) // a superuser needs no REPLICATION
		s.exec("ALTER ROLE "+role+" NOSUPERUSER", "GRANT SELECT ON a TO "+role, "ALTER TABLE a OWNER TO "+role,
			"ALTER PUBLICATION "+c.Publication+" OWNER TO postgres")
		p := s.refused(c, "role_not_replication", role)
		_, err := c.replication(s.Context())
		wantProblem(s, []error{err}, "permission_denied")
		s.fix(p)
		if errs := c.check(s.Context()); len(errs) > 0 {
			s.Errorf("after the fix: %v", errs)
		}
	})
}

// TestHostileSearchPath puts another user's functions, operators and settings into the search path.
func TestHostileSearchPath(t *testing.T) {
	everywhere(t, func(s site) {
		role := s.role()
		s.exec(`CREATE TABLE a (id int PRIMARY KEY)`, "ALTER TABLE a OWNER TO "+role, "GRANT ALL ON DATABASE "+s.db+" TO "+role)
		for _, f := range []string{
			"pg_has_role(oid, text)", "current_setting(text)", "to_jsonb(anyelement)",
			"set_config(text, text, bool)", "pg_is_in_recovery()", "pg_relation_is_publishable(oid)", "pg_current_wal_lsn()",
		} {
			s.exec("CREATE FUNCTION public." + f + " RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$")
		}
		s.exec(`CREATE FUNCTION public.eq(name, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$`,
			`CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.eq)`,
			`CREATE TABLE public.pg_class (id int)`, `CREATE TABLE public.pg_replication_slots (id int)`)
		for _, set := range []string{
			"search_path = public, pg_catalog", "DateStyle = 'German'", "IntervalStyle = 'sql_standard'",
			"TimeZone = 'Asia/Tokyo'", "bytea_output = 'escape'", "extra_float_digits = -5", "client_encoding = 'LATIN1'",
			"statement_timeout = '1ms'", "idle_in_transaction_session_timeout = '1s'", "idle_session_timeout = '1s'",
			"quote_all_identifiers = on", "default_transaction_read_only = on", "row_security = on",
		} {
			s.exec("ALTER ROLE " + role + " SET " + set)
		}
		c := as(s.config("public.a"), role)
		s.publish(c)
		if s.publish(c).Altered() {
			s.Error("changed again")
		}
		s.createSlot(c)
		if errs := c.check(s.Context()); len(errs) > 0 {
			s.Errorf("check: %v", errs)
		}
		wantSession(s, c)
		if lines, err := dropIt(s, c); err != nil || len(lines) != 2 {
			s.Errorf("drop: %q, %v", lines, err)
		}
	})
}

// wantSession reads the settings on a walsender: they decide how values are printed.
func wantSession(s site, c *Config) {
	s.Helper()
	repl, err := c.replication(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	defer repl.Close(s.Context())
	for name, value := range map[string]string{
		"search_path": "", "DateStyle": "ISO, MDY", "IntervalStyle": "postgres",
		"TimeZone": "UTC", "bytea_output": "hex", "extra_float_digits": "3", "client_encoding": "UTF8", "row_security": "off",
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0", "idle_session_timeout": "0",
	} {
		results, err := repl.Exec(s.Context(), "SHOW "+name).ReadAll()
		if err != nil {
			s.Fatal(err)
		}
		want(s, name, string(results[0].Rows[0][0]), value)
	}
}
