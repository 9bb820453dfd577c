package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// swapped puts c in the place of a, as online schema change tools do.
const swapped = "ALTER TABLE $.a RENAME TO a_old; ALTER TABLE $.c RENAME TO a"

// swappedBack undoes that.
const swappedBack = "ALTER TABLE $.a RENAME TO c; ALTER TABLE $.a_old RENAME TO a"

func everyTable(a *altering) { a.Tables = []string{a.schema + ".*"} }

func withoutC(a *altering) {
	everyTable(a)
	a.sql("DROP TABLE $.c")
}

// The tables of a publication are renamed while the daemon runs. The tap has no record, as stdout.
func TestTablesRenamedWhileRunning(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		cases := []struct {
			name  string
			began func(*altering)
			sql   []string
			want  string // of publication_altered; "": it goes on
			after string // runs when the stream has started again
			rows  string // that come, at the end
		}{
			{name: "swapped", sql: []string{swapped}, want: "published as $.a is $.a_old now"},
			{
				name: "swapped, and written to", sql: []string{swapped + "; INSERT INTO $.a VALUES (1); INSERT INTO $.a_old VALUES (2)"},
				want: "which the file does not",
			},
			{name: "renamed", sql: []string{"ALTER TABLE $.b RENAME TO z"}, want: "table_missing"},
			{name: "swapped and swapped back", sql: []string{swapped + ";" + swappedBack + "; INSERT INTO $.a VALUES (3)"}, rows: "insert a id=3"},
			{name: "swapped, written to, and swapped back", sql: []string{
				swapped, "INSERT INTO $.a VALUES (1); INSERT INTO $.a_old VALUES (2)",
				swappedBack, "INSERT INTO $.a VALUES (3)",
			}, want: "which the file does not"},
			{
				name: "wildcard: renamed", began: everyTable, sql: []string{"ALTER TABLE $.a RENAME TO z; INSERT INTO $.z VALUES (4)"},
				rows: "insert z id=4",
			},
			{name: "wildcard: swapped", began: everyTable, sql: []string{swapped + "; INSERT INTO $.a VALUES (5)"}, rows: "insert a id=5"},
			{
				name: "wildcard: swapped with a new table", began: withoutC, sql: []string{"CREATE TABLE $.c (id int PRIMARY KEY);" + swapped},
				want: "$.a is another table now, which is not published",
			},
			{
				name: "wildcard: renamed, another one later", began: withoutC, sql: []string{"ALTER TABLE $.a RENAME TO z"},
				after: "CREATE TABLE $.a (id int PRIMARY KEY)", want: "$.a is another table now, which is not published",
			},
			{
				name: "wildcard: moved to another schema", began: everyTable,
				sql: []string{"CREATE SCHEMA $archive; ALTER TABLE $.a SET SCHEMA $archive"}, want: "published as $.a is $archive.a now",
			},
			{
				name: "dropped, and made again later", sql: []string{"DROP TABLE $.a"}, after: "CREATE TABLE $.a (id int PRIMARY KEY)",
				want: "$.a was taken out",
			},
			{
				name: "administrator: renamed", began: administered, sql: []string{"ALTER TABLE $.a RENAME TO z; INSERT INTO $.z VALUES (6)"},
				rows: "insert z id=6",
			},
			{name: "administrator: swapped", began: administered, sql: []string{swapped}, want: "$.a is another table now, which is not published"},
		}
		var all []*altering
		var taps []*tap
		for i, c := range cases { // in parallel: each waits for the next check
			a := s.altering(100 + i)
			if c.began != nil {
				c.began(a)
			}
			s.publish(a.Config)
			s.createSlot(a.Config)
			p := newTap(s.T, *a.Config)
			p.show = func(c *capture.Change) string { return strings.Join(strings.Fields(describeChange(c))[:3], " ") }
			p.open()
			all, taps = append(all, a), append(taps, p)
		}
		for i, p := range taps {
			p.wait("the first stream", func() bool { return p.streams == 1 })
			all[i].sql(cases[i].sql...)
		}
		for i, c := range cases {
			if p := taps[i]; c.after != "" {
				p.wait(c.name+": noticed", func() bool { return p.streams == 2 })
				all[i].sql(c.after)
			}
		}
		for i, p := range taps {
			c, a := cases[i], all[i]
			p.wait(c.name, func() bool { return len(p.reports) > 0 || c.want == "" && len(p.changes) > 0 })
			p.mu.Lock()
			switch changes := strings.Join(p.changes, ", "); {
			case changes != c.rows:
				s.Errorf("%s: %q came, want %q", c.name, changes, c.rows)
			case c.want == "table_missing":
				wantProblem(s, p.reports[:1], "table_missing")
			case c.want != "":
				wantProblem(s, p.reports[:1], "publication_altered", strings.NewReplacer("$", a.schema).Replace(c.want))
			case len(p.reports) > 0:
				s.Errorf("%s: reports %v", c.name, p.reports)
			}
			p.mu.Unlock()
		}
		for i, c := range cases { // the next process finds the verdict in the publication
			if taps[i].close(); c.want == "" || c.want == "table_missing" || !all[i].Manage || strings.HasPrefix(c.name, "dropped") {
				continue
			}
			p := openTap(s.T, *all[i].Config)
			p.wait(c.name+": after a restart", func() bool { return len(p.reports) > 0 || p.streams > 0 })
			p.mu.Lock()
			wantProblem(s, p.reports, "publication_altered", "COMMENT ON PUBLICATION")
			p.mu.Unlock()
			p.close()
		}
	})
}

// The tables of a publication get other names while the daemon is away, and a sink has recorded an edition.
func TestTablesRenamedWhileAway(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		for i, c := range []struct {
			name  string
			began func(*altering)
			sql   string
			want  string
		}{
			{name: "swapped", sql: swapped, want: "$.a was taken out and put back"},
			{name: "wildcard: renamed", began: everyTable, sql: "ALTER TABLE $.a RENAME TO z"},
			{name: "wildcard: swapped", began: everyTable, sql: swapped},
			{
				name: "wildcard: swapped with a new table", began: everyTable, sql: "ALTER TABLE $.a RENAME TO z; CREATE TABLE $.a (id int PRIMARY KEY)",
				want: "$.a was taken out and put back",
			},
			{
				name: "wildcard: moved to another schema", began: everyTable, sql: "CREATE SCHEMA $archive; ALTER TABLE $.a SET SCHEMA $archive",
				want: "$archive.a, which was published under another name, is not in the file",
			},
			{name: "administrator: renamed", began: func(a *altering) {
				administered(a)
				everyTable(a)
			}, sql: "ALTER TABLE $.a RENAME TO z"},
			{name: "administrator: swapped", began: func(a *altering) {
				administered(a)
				everyTable(a)
			}, sql: swapped, want: "$.a is another table now, which is not published"},
		} {
			a := s.altering(200 + i)
			if c.began != nil {
				c.began(a)
			}
			s.publish(a.Config)
			s.createSlot(a.Config)
			recorded, err := a.visit("")
			if err != nil {
				s.Fatalf("%s: first start: %v", c.name, err)
			}
			a.sql(c.sql)
			_, err = a.visit(recorded)
			if c.want == "" && err != nil {
				s.Errorf("%s: it halts: %v", c.name, err)
			} else if c.want != "" {
				wantProblem(s, []error{err}, "publication_altered", strings.ReplaceAll(c.want, "$", a.schema))
			}
			if note := a.note(); note != "" && c.want == "" {
				s.Errorf("%s: the publication says %q", c.name, note)
			}
		}
	})
}

// note is the comment of the publication.
func (a *altering) note() string {
	return a.server.Query(a, a.db, "SELECT coalesce(obj_description(oid, 'pg_publication'), '') FROM pg_publication WHERE pubname = '"+a.Publication+"'")
}

// A lane whose sinks keep no record detects a swap at its start, and every later start finds the verdict, until the
// operator removes it. Rows that were written under the other name are not delivered.
func TestTablesRenamedWithoutRecord(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		a := s.altering(0)
		s.publish(a.Config)
		s.createSlot(a.Config)
		a.sql("COMMENT ON PUB IS 'it''s\nours'", swapped, "INSERT INTO $.a_old VALUES (1)", "INSERT INTO $.a VALUES (2)")
		for range 2 {
			_, err := a.visit("")
			wantProblem(s, []error{err}, "publication_altered", "it had "+a.schema+".a_old, which the file does not name, and not "+a.schema+".a")
		}
		if note := a.note(); !strings.HasPrefix(note, "tailrace: publication_altered: ") || !strings.HasSuffix(note, "\nit's\nours") {
			s.Errorf("the publication says %q", note)
		}
		a.sql("COMMENT ON PUB IS NULL")
		p := openTap(s.T, *a.Config)
		p.wait("the stream", func() bool { return p.streams == 1 })
		a.sql("INSERT INTO $.a VALUES (3)")
		p.expect("insert a id=3 x= y=")
	})
}

// A lane with a record has its verdict there. Rows from before the acceptance that stand under a name that the file does not
// have are left out, and those under a name that it had come.
func TestTablesRenamedAndAccepted(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		a := s.altering(0)
		s.publish(a.Config)
		s.createSlot(a.Config)
		recorded, err := a.visit("")
		if err != nil {
			s.Fatal(err)
		}
		a.sql("INSERT INTO $.a VALUES (1)", "INSERT INTO $.b VALUES (1)", swapped, "INSERT INTO $.a_old VALUES (2)", "TRUNCATE $.a_old")
		a.Tables = a.Tables[:1]
		if _, err := a.visit(recorded); err == nil {
			s.Fatal("it goes on")
		}
		p := newTap(s.T, *a.Config)
		pub := s.publish(a.Config)
		p.edition = pub.Fingerprint.String()
		if _, err := p.source.keeper.View(pub, 0).Altered(s.Context(), recorded); err != nil { // so that it knows the former record
			s.Fatal(err)
		}
		p.open()
		p.wait("the stream", func() bool { return p.streams == 1 })
		a.sql("INSERT INTO $.a VALUES (3)")
		p.expect("insert a id=1 x= y=", "insert b id=1 x= y=", "insert a id=3 x= y=")
		if note := a.note(); note != "" {
			s.Errorf("the publication says %q", note)
		}
	})
}

// A swap that was undone before the next check, with a row in between: the table gets another row in the publication, which
// proves the verdict permanently.
func TestTablesSwappedAndBackWhileAway(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		a := s.altering(0)
		s.publish(a.Config)
		s.createSlot(a.Config)
		recorded, err := a.visit("")
		if err != nil {
			s.Fatal(err)
		}
		a.sql(swapped, "INSERT INTO $.a VALUES (1)", "INSERT INTO $.a_old VALUES (2)", swappedBack)
		p := newTap(s.T, *a.Config)
		p.edition = recorded
		p.open()
		p.wait("the verdict", func() bool { return len(p.reports) > 0 })
		p.close()
		wantProblem(s, p.reports[:1], "publication_altered", "under the name "+a.schema+".a_old", a.schema+".a was taken out and put back")
		if len(p.changes) > 0 {
			s.Errorf("%q came", p.changes)
		}
		_, err = a.visit(recorded)
		wantProblem(s, []error{err}, "publication_altered", a.schema+".a was taken out and put back")

		p = newTap(s.T, *a.Config) // it was accepted: what was judged is not judged again
		p.edition = s.publish(a.Config).Fingerprint.String()
		p.open()
		p.wait("the stream", func() bool { return p.streams == 1 })
		a.sql("INSERT INTO $.a VALUES (3)")
		p.expect("insert a id=3 x= y=")
	})
}

// A table that was dropped and created again is checked, even if the check of the publication precedes the start rule: a
// stream that the check ends is not judged, and neither is the next one.
func TestATableMadeAgainIsJudgedAfterALook(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		a := s.altering(500)
		everyTable(a)
		s.publish(a.Config)
		s.createSlot(a.Config)
		src := New(*a.Config, zap.NewNop())
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		var halted error
		streams := 0
		report := func(err error) {
			halted = err
			cancel()
		}
		_ = src.Run(ctx, report, func(ctx context.Context, st capture.Stream) error {
			if streams++; streams == 1 {
				if err := pass(ctx, st, ""); err != nil {
					return err
				}
				a.sql("DROP TABLE $.a; CREATE TABLE $.a (id int PRIMARY KEY)")
				<-st.Done()
				return st.Err()
			} else if streams > 5 {
				s.Errorf("%d streams, and none was judged", streams)
				cancel()
				return nil
			}
			for src.Health().Unpublished < 0 { // until the first look
				select {
				case <-st.Done():
					return st.Err()
				case <-time.After(time.Millisecond):
				}
			}
			return judged(ctx, st, "")
		})
		if halted == nil {
			s.Fatalf("%d streams, and no verdict", streams)
		}
		wantProblem(s, []error{halted}, "publication_altered", a.schema+".a was taken out")
	})
}
