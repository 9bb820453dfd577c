package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
)

// altering is a pipeline in a schema of its own: tables a, b and c, of which the file takes a and b.
type altering struct {
	site
	schema string
	*Config
}

func (s site) altering(n int) *altering {
	s.Helper()
	a := &altering{site: s, schema: fmt.Sprintf("s%d", n)}
	a.Config = s.config(a.schema+".a", a.schema+".b")
	a.Slot += fmt.Sprint("_", n)
	a.Publication += fmt.Sprint("_", n)
	a.sql("CREATE SCHEMA $")
	for _, table := range []string{"a", "b", "c"} {
		a.sql("CREATE TABLE $."+table+" (id int PRIMARY KEY, x int, y int)", "ALTER TABLE $."+table+" REPLICA IDENTITY FULL")
	}
	return a
}

// sql runs statements; $ is the schema, and PUB the publication.
func (a *altering) sql(statements ...string) {
	a.Helper()
	for _, s := range statements {
		a.exec(strings.NewReplacer("$", a.schema, " PUB ", " PUBLICATION "+a.Publication+" ").Replace(s))
	}
}

func (a *altering) option(o TableOption) {
	o.Name = a.schema + "." + o.Name
	a.Options = append(a.Options, o)
}

// visit is the start of a daemon whose one sink has a record with an earlier edition. It returns what the stream would
// record, and the problem; nothing is recorded.
func (a *altering) visit(recorded string) (now string, trouble error) {
	a.Helper()
	ctx, cancel := context.WithTimeout(a.Context(), time.Minute)
	defer cancel()
	report := func(err error) {
		trouble = err
		cancel()
	}
	err := New(*a.Config, zaptest.NewLogger(a)).Run(ctx, report, func(ctx context.Context, st capture.Stream) error {
		if err := pass(ctx, st, recorded); err != nil {
			return err
		}
		now = st.Origin().Publication
		cancel()
		return nil
	})
	if err != nil {
		a.Fatal(err)
	}
	return now, trouble
}

// pass makes a sink that has recorded an edition of the publication pass the start rule, and then the stream.
func pass(ctx context.Context, st capture.Stream, edition string) error {
	if err := judged(ctx, st, edition); err != nil {
		return err
	}
	_, err := st.Resume(ctx, []capture.Record{{Sink: "bus", Position: st.Start(), State: stateDone, Origin: st.Origin()}})
	return err
}

// judged applies the start rule to a stream and a sink that has recorded an edition of the publication.
func judged(ctx context.Context, st capture.Stream, edition string) error {
	slot, err := st.Slot(ctx)
	if err != nil {
		return err
	}
	origin := st.Origin()
	origin.Publication = edition
	k := startrule.Sink{Name: "bus", Progress: sink.Progress{Position: st.Start(), Origin: origin, State: stateDone}}
	k.Comparison, err = st.Compare(ctx, capture.Record{Sink: "bus", Position: st.Start(), State: stateDone, Origin: origin})
	if err != nil {
		return err
	}
	if d := startrule.CheckGap(startrule.Source{Origin: st.Origin(), Slot: slot}, k); d.Problem != nil {
		return d.Problem
	}
	return nil
}

// What happens to a publication while the daemon is away. Every start is made twice without a record of the first one, so a
// daemon that is killed between its own ALTER and the next record halts exactly when another one would.
func TestPublicationAlteredWhileAway(t *testing.T) {
	cases := []struct {
		name   string
		began  func(*altering) // before the first start
		while  func(*altering) // while the daemon is away
		newest bool            // needs the newest server
		want   string          // of the reason; "": it passes
	}{
		{name: "nothing", while: func(*altering) {}},
		{name: "taken out and put back", while: func(a *altering) {
			a.sql("ALTER PUB DROP TABLE $.a", "ALTER PUB ADD TABLE ONLY $.a")
		}, want: "$.a was taken out and put back"},
		{name: "taken out, and put back by us", while: func(a *altering) {
			a.sql("ALTER PUB DROP TABLE $.a")
		}, want: "$.a was taken out and put back"},
		{name: "another filter", while: func(a *altering) {
			a.sql("ALTER PUB SET TABLE ONLY $.a WHERE (id > 100), ONLY $.b")
		}, want: "$.a was taken out and put back"},
		{name: "another filter, and the former one", began: func(a *altering) {
			a.option(TableOption{Name: "b", Where: "id > 3"})
		}, while: func(a *altering) {
			a.sql("ALTER PUB SET TABLE ONLY $.a, ONLY $.b WHERE (id > 100)", "ALTER PUB SET TABLE ONLY $.a, ONLY $.b WHERE (id > 3)")
		}, want: "$.b was taken out and put back"},
		{name: "column dropped with cascade", began: func(a *altering) {
			a.option(TableOption{Name: "a", Where: "y > 3"})
		}, while: func(a *altering) {
			a.sql("ALTER TABLE $.a DROP COLUMN y CASCADE", "ALTER TABLE $.a ADD y int")
		}, want: "$.a was taken out and put back"},
		{name: "table dropped with cascade and made again", while: func(a *altering) {
			a.sql("DROP TABLE $.a CASCADE", "CREATE TABLE $.a (id int PRIMARY KEY)", "ALTER PUB ADD TABLE ONLY $.a")
		}, want: "$.a was taken out and put back"},
		{name: "table made again, and put back by us", while: func(a *altering) {
			a.sql("DROP TABLE $.a CASCADE", "CREATE TABLE $.a (id int PRIMARY KEY)")
		}, want: "$.a was taken out and put back"},
		{name: "publication made again", while: func(a *altering) {
			a.sql("DROP PUB ", "CREATE PUB FOR TABLE ONLY $.a, ONLY $.b WITH ("+managedOptions(a.server.Version)+")")
		}, want: "dropped and created again"},
		{name: "options changed and changed back", while: func(a *altering) {
			a.sql("ALTER PUB SET (publish = 'insert')", "ALTER PUB SET ("+managedOptions(a.server.Version)+")")
		}, want: "options were changed and changed back"},
		{name: "options changed, and changed back by us", while: func(a *altering) {
			a.sql("ALTER PUB SET (publish = 'insert')")
		}, want: "options were changed and changed back"},
		{name: "renamed and named as before", while: func(a *altering) {
			a.sql("ALTER PUB RENAME TO elsewhere", "ALTER PUBLICATION elsewhere RENAME TO "+a.Publication)
		}, want: "options were changed and changed back"},
		{name: "another owner", while: func(a *altering) { a.sql("ALTER PUB OWNER TO " + a.role()) }},
		{name: "a table more", while: func(a *altering) { a.sql("ALTER PUB ADD TABLE $.c") }},
		{name: "the catalogue swept", while: func(a *altering) {
			a.sql("VACUUM FULL pg_publication", "VACUUM FULL pg_publication_rel", "VACUUM FREEZE pg_publication")
		}},
		{name: "column renamed", began: func(a *altering) {
			a.option(TableOption{Name: "a", Where: "x > 3"})
		}, while: func(a *altering) {
			a.sql("ALTER TABLE $.a RENAME x TO z")
			a.Options[0].Where = "z > 3"
		}},
		{name: "table renamed", while: func(a *altering) {
			a.sql("ALTER TABLE $.a RENAME TO z")
			a.Tables = []string{a.schema + ".z", a.schema + ".b"}
		}},
		{name: "table dropped for good", began: func(a *altering) {
			a.Tables = []string{a.schema + ".*"}
		}, while: func(a *altering) { a.sql("DROP TABLE $.a") }},
		{name: "file: a table more", while: func(a *altering) { a.Tables = append(a.Tables, a.schema+".c") }},
		{name: "file: a table less", while: func(a *altering) { a.Tables = a.Tables[:1] }},
		{name: "file: a filter", while: func(a *altering) { a.option(TableOption{Name: "a", Where: "id > 3"}) }},
		{name: "file: a column less", began: func(a *altering) {
			a.sql("ALTER TABLE $.a REPLICA IDENTITY DEFAULT")
		}, while: func(a *altering) { a.option(TableOption{Name: "a", Columns: []string{"id", "x"}}) }},
		{name: "file: a filter, killed, another filter", while: func(a *altering) {
			a.option(TableOption{Name: "a", Where: "id > 3"})
			if _, err := a.visit(""); err != nil {
				a.Error(err)
			}
			a.Options[0].Where = "id > 4"
		}},
		{name: "file: a table more, and another one taken out and put back", while: func(a *altering) {
			a.sql("ALTER PUB DROP TABLE $.b", "ALTER PUB ADD TABLE ONLY $.b")
			a.Tables = append(a.Tables, a.schema+".c")
		}, want: "$.b was taken out and put back"},
		{name: "administrator: a table more", began: administered, while: func(a *altering) {
			a.sql("ALTER PUB ADD TABLE $.c")
			a.Tables = append(a.Tables, a.schema+".c")
		}},
		{name: "administrator: another filter", began: administered, while: func(a *altering) {
			a.sql("ALTER PUB SET TABLE $.a WHERE (id > 3), $.b")
		}},
		{name: "administrator: other options", began: administered, while: func(a *altering) {
			a.sql("ALTER PUB SET (publish = 'insert')")
		}},
		{name: "administrator: a column less", began: administered, while: func(a *altering) {
			a.sql("ALTER TABLE $.a REPLICA IDENTITY DEFAULT", "ALTER PUB SET TABLE $.a (id, x), $.b")
		}, want: "of $.a it leaves out y, which it had"},
		{name: "administrator: a column less of the list", began: func(a *altering) {
			a.sql("ALTER TABLE $.a REPLICA IDENTITY DEFAULT", "CREATE PUB FOR TABLE $.a (id, x), $.b")
			a.Manage = false
		}, while: func(a *altering) { a.sql("ALTER PUB SET TABLE $.a (id, y), $.b") }, want: "of $.a it leaves out x, which it had"},
		{name: "administrator: a column more", began: func(a *altering) {
			a.sql("ALTER TABLE $.a REPLICA IDENTITY DEFAULT", "CREATE PUB FOR TABLE $.a (id, x), $.b")
			a.Manage = false
		}, while: func(a *altering) { a.sql("ALTER PUB SET TABLE $.a, $.b") }},
		{name: "administrator: a column dropped, another one renamed", began: func(a *altering) {
			administered(a)
			a.sql("ALTER TABLE $.a ADD z int")
		}, while: func(a *altering) {
			a.sql("ALTER TABLE $.a DROP x", "ALTER TABLE $.a RENAME y TO w", "ALTER TABLE $.a ADD x int")
		}},
		{
			name: "administrator: generated columns", newest: true, began: func(a *altering) {
				a.sql("CREATE TABLE $.g (id int PRIMARY KEY, d int GENERATED ALWAYS AS (id * 2) STORED)",
					"CREATE PUB FOR TABLES IN SCHEMA $ WITH (publish_generated_columns = stored)")
				a.Manage = false
			}, while: func(a *altering) { a.sql("ALTER PUB SET (publish_generated_columns = none)") },
			want: "of $.g it leaves out d, which it had",
		},
		{name: "administrator: taken out and put back", began: administered, while: func(a *altering) {
			a.sql("ALTER PUB DROP TABLE $.a", "ALTER PUB ADD TABLE $.a")
		}, want: "$.a was taken out and put back"},
		{name: "administrator: schema taken out and put back", began: func(a *altering) {
			a.sql("CREATE PUB FOR TABLES IN SCHEMA $")
			a.Manage = false
		}, while: func(a *altering) {
			a.sql("ALTER PUB DROP TABLES IN SCHEMA $", "ALTER PUB ADD TABLES IN SCHEMA $")
		}, want: "$.* was taken out and put back"},
		{name: "administrator: from now on we manage it", began: administered, while: func(a *altering) {
			a.Manage = true
			a.option(TableOption{Name: "a", Where: "id > 3"})
		}},
	}
	everywhere(t, func(s site) {
		s.Parallel()
		for i, c := range cases {
			if c.newest && s.server.Version != testenv.Newest {
				continue
			}
			s.Run(c.name, func(t *testing.T) {
				s := site{t, s.server, s.db}
				a := s.altering(i)
				if c.began != nil {
					c.began(a)
				}
				s.publish(a.Config)
				s.createSlot(a.Config)
				recorded, err := a.visit("")
				if err != nil || recorded == "" {
					t.Fatalf("first start: %v", err)
				}
				c.while(a)
				for range 2 {
					_, err := a.visit(recorded)
					if c.want == "" && err != nil {
						t.Fatalf("it halts: %v", err)
					} else if c.want != "" {
						wantProblem(s, []error{err}, "publication_altered", strings.ReplaceAll(c.want, "$", a.schema),
							"sink bus", "tailrace drop")
					}
				}
			})
		}
	})
}

// administered makes the publication an unmanaged one.
func administered(a *altering) {
	a.sql("CREATE PUB FOR TABLE $.a, $.b")
	a.Manage = false
}

// A change of the publication while the daemon runs is detected, and checked more strictly: the file is the same.
func TestPublicationAlteredWhileRunning(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		cases := []struct {
			name  string
			began func(*altering)
			sql   string
			want  string // "": the stream starts again and goes on
		}{
			{"a table more", nil, "ALTER PUB ADD TABLE $.c", ""},
			{"another owner", nil, "ALTER PUB OWNER TO " + s.role(), ""},
			{"table dropped", nil, "DROP TABLE $.a", ""},
			{"taken out", nil, "ALTER PUB DROP TABLE $.a", "$.a was taken out"},
			{"another filter", nil, "ALTER PUB SET TABLE ONLY $.a WHERE (id > 100), ONLY $.b", "$.a was taken out and put back"},
			{"other options", nil, "ALTER PUB SET (publish = 'insert')", "options were changed"},
			{"administrator: another filter", administered, "ALTER PUB SET TABLE $.a WHERE (id > 100), $.b", ""},
			{
				"administrator: a column less", administered, "ALTER TABLE $.a REPLICA IDENTITY DEFAULT; ALTER PUB SET TABLE $.a (id, y), $.b",
				"of $.a it leaves out x, which it had",
			},
			{"administrator: taken out", administered, "ALTER PUB DROP TABLE $.a", "$.a was taken out"},
			{"administrator: what no file names", func(a *altering) {
				administered(a)
				a.Tables = a.Tables[1:]
			}, "ALTER PUB DROP TABLE $.a", ""},
		}
		var all []*altering
		var taps []*tap
		for i, c := range cases { // in parallel: each waits for the next check
			a := s.altering(i)
			if c.began != nil {
				c.began(a)
			}
			s.publish(a.Config)
			s.createSlot(a.Config)
			p := newTap(s.T, *a.Config)
			p.open()
			all, taps = append(all, a), append(taps, p)
		}
		for i, p := range taps {
			p.wait("the first stream", func() bool { return p.streams == 1 })
			all[i].sql(cases[i].sql)
		}
		for i, p := range taps {
			c := cases[i]
			p.wait(c.name, func() bool { return p.streams == 2 || len(p.reports) > 0 })
			p.mu.Lock()
			if c.want == "" && len(p.reports) > 0 || c.want != "" && p.streams > 1 {
				s.Errorf("%s: %d streams, reports %v", c.name, p.streams, p.reports)
			}
			if c.want != "" {
				wantProblem(s, p.reports, "publication_altered", strings.ReplaceAll(c.want, "$", all[i].schema))
			}
			p.mu.Unlock()
		}
	})
}

// Another daemon with another file had the slot meanwhile and altered the publication to match that file.
func TestPublicationAlteredByTheOtherDaemon(t *testing.T) {
	everywhere(t, func(s site) {
		s.Parallel()
		a := s.altering(0)
		s.publish(a.Config)
		s.createSlot(a.Config)
		c := *a.Config
		other := &altering{site: s, schema: a.schema, Config: &c}
		other.option(TableOption{Name: "a", Where: "id > 3"})

		var recorded string
		streams := 0
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		report := func(err error) {
			if !errors.Is(err, capture.ErrSlotInUse) {
				s.Errorf("it halts: %v", err)
				cancel()
				return
			}
			if recorded, err = other.visit(recorded); err != nil {
				s.Error(err)
			}
		}
		_ = New(*a.Config, zaptest.NewLogger(s)).Run(ctx, report, func(ctx context.Context, st capture.Stream) error {
			if err := pass(ctx, st, recorded); err != nil {
				return err
			}
			recorded = st.Origin().Publication
			if streams++; streams == 2 {
				cancel()
			}
			return capture.ErrSlotInUse
		})
		if streams != 2 {
			s.Errorf("%d streams", streams)
		}
	})
}

// A table that is removed between our checks would look like one that the file does not want.
func TestPublicationAlteredAtThatMoment(t *testing.T) {
	everywhere(t, func(s site) {
		a := s.altering(0)
		s.publish(a.Config)
		conn := s.control(a.Config)
		p, errs := a.Config.publication().Preflight(s.Context(), conn)
		if len(errs) > 0 {
			s.Fatal(errs)
		}
		a.sql("ALTER PUB DROP TABLE $.a")
		_, err := a.publication().Apply(s.Context(), conn, p)
		if known := capture.AsProblem(err); known == nil || known.State != "publication_changing" || known.Halted {
			s.Errorf("it goes on: %v", err)
		}
	})
}

// managedOptions returns the options of a managed publication.
func managedOptions(version int) string {
	o := "publish = 'insert, update, delete, truncate', publish_via_partition_root = true"
	if version >= 18 {
		o += ", publish_generated_columns = stored"
	}
	return o
}
