package ddl

import (
	"reflect"
	"testing"

	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		name, fix string
		source    bool
		want      []Step
	}{
		{"SQL for the target", "ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"b\";\nDELETE FROM tailrace.tables WHERE target = 't';\n", false, []Step{
			{SQL: `ALTER TABLE "t" RENAME COLUMN "a" TO "b";`}, {SQL: "DELETE FROM tailrace.tables WHERE target = 't';"},
		}},
		{"a command in a comment", "ALTER TABLE t ADD COLUMN c int; -- older rows have NULL; where the source has values: tailrace verify -repair -table public.t '/a b.hcl'", false, []Step{
			{SQL: "ALTER TABLE t ADD COLUMN c int;"}, {Command: "tailrace verify -repair -table public.t '/a b.hcl'", Later: true},
		}},
		{"an alternative", "TRUNCATE t; -- or, when the former one was renamed: ALTER TABLE t RENAME TO ...\nor set on_conflict = \"source_wins\"", false, []Step{
			{SQL: "TRUNCATE t;"},
		}},
		{"an alternative command", "TRUNCATE t; -- or copy the rows again: `tailrace drop -pipeline p f.hcl`, then start again", false, []Step{{SQL: "TRUNCATE t;"}}},
		{"a command in quotes", "copy the rows again: `tailrace drop -pipeline p f.hcl`, then start again", true, []Step{
			{Command: "tailrace drop -pipeline p f.hcl"}, {Restart: true},
		}},
		{"SQL after a colon", "empty it: TRUNCATE \"t\";\nor keep the copy away", false, []Step{{SQL: `TRUNCATE "t";`}}},
		{"the server that is named", "-- in the source:\nALTER TABLE s ADD PRIMARY KEY (id);\n-- in the target:\nTRUNCATE s;", false, []Step{
			{SQL: "ALTER TABLE s ADD PRIMARY KEY (id);", Source: true}, {SQL: "TRUNCATE s;"},
		}},
		{"a pipeline's", "ALTER TABLE s REPLICA IDENTITY FULL;", true, []Step{{SQL: "ALTER TABLE s REPLICA IDENTITY FULL;", Source: true}}},
		{"a changed type", "ALTER TABLE \"public\".\"t\" ALTER COLUMN \"c\" TYPE smallint USING \"c\"::smallint; -- or what the source's ALTER TABLE said after USING\n" +
			"-- then, when the pipeline is streaming and has caught up, where USING made other values: tailrace verify -repair -table public.t FILE", false, []Step{
			{SQL: `ALTER TABLE "public"."t" ALTER COLUMN "c" TYPE smallint USING "c"::smallint;`},
			{Command: "tailrace verify -repair -table public.t FILE", Later: true},
		}},
		{"partitions_changed", "make replicas equal to the source, and leave topics as they are:\n`tailrace verify -repair -table public.t FILE`\n" +
			"then, or to leave replicas as they are, too: `tailrace accept -pipeline P partitions_changed FILE`", true, []Step{
			{Command: "tailrace verify -repair -table public.t FILE", Later: true},
			{Command: "tailrace accept -pipeline P partitions_changed FILE", Later: true},
		}},
		{"conflict_missing_row", "put the row back as the source had it; look at what is there:\nSELECT * FROM t WHERE id = '1';\n" +
			"or set on_conflict = \"source_wins\", and restart. Where rows were never copied (their table was added to a running pipeline,\n" +
			"or the pipeline was accepted without them), then `tailrace verify -table public.t -repair FILE` copies them;\nset on_conflict back afterwards", false, []Step{
			{Set: `on_conflict = "source_wins"`},
			{Restart: true},
			{Command: "tailrace verify -table public.t -repair FILE", Later: true},
			{Reset: true, Later: true},
			{Restart: true, Later: true},
		}},
		{"SQL after a command for later", "ALTER TABLE t ADD COLUMN c int; -- then, when the pipeline is streaming: tailrace verify -repair -table public.t FILE\n" +
			"ALTER TABLE t ADD COLUMN d int;", false, []Step{
			{SQL: "ALTER TABLE t ADD COLUMN c int;"},
			{Command: "tailrace verify -repair -table public.t FILE", Later: true},
			{SQL: "ALTER TABLE t ADD COLUMN d int;"},
		}},
		{"an alternative of more lines", "TRUNCATE t;\n-- or keep the rows:\nALTER TABLE t RENAME TO kept;\nDELETE FROM u;", false, []Step{{SQL: "TRUNCATE t;"}}},
		{
			"SQL after a comparison", "ALTER TABLE t ALTER c TYPE text;\n-- then, when the pipeline is streaming: tailrace verify -repair -table t FILE\n-- after that: ALTER TABLE t ALTER c TYPE addr USING c::addr;", false,
			[]Step{{SQL: "ALTER TABLE t ALTER c TYPE text;"}, {Command: "tailrace verify -repair -table t FILE", Later: true}, {SQL: "ALTER TABLE t ALTER c TYPE addr USING c::addr;", Later: true}},
		},
		{
			"a comparison that an earlier fix requires", "BEGIN;\nCOMMIT;\n-- where an earlier fix names public.t, then, when the pipeline is streaming: tailrace verify -repair -table public.u FILE\n", false,
			[]Step{{SQL: "BEGIN;"}, {SQL: "COMMIT;"}, {Command: "tailrace verify -repair -table public.u FILE", Later: true, Named: "public.t"}},
		},
		{"prose", "put the row back as the source had it; look at what is there:\nSELECT * FROM t WHERE id = 1;\nor set on_conflict = \"source_wins\"", false, nil},
	} {
		if have := Steps(c.fix, c.source); !reflect.DeepEqual(have, c.want) {
			t.Errorf("%s: have %+v, want %+v", c.name, have, c.want)
		}
	}
}

// TestStepsOfStart reads the fixes of states that occur when a pipeline starts.
func TestStepsOfStart(t *testing.T) {
	copyAgain := []Step{{Command: "tailrace drop -pipeline P FILE"}, {Restart: true}}
	accept := func(state string) []Step { return []Step{{Command: "tailrace accept -pipeline P " + state + " FILE"}} }
	for state, want := range map[string][]Step{
		startrule.ProgressLost:       copyAgain,
		startrule.ProgressExpired:    copyAgain,
		startrule.NoRecord:           nil,
		startrule.WrongCluster:       accept(startrule.WrongCluster),
		startrule.WrongDatabase:      accept(startrule.WrongDatabase),
		startrule.WrongSlot:          accept(startrule.WrongSlot),
		startrule.TimelineDiverged:   copyAgain,
		startrule.AheadOfSource:      copyAgain,
		startrule.PublicationAltered: copyAgain,
		startrule.Gap:                copyAgain,
	} {
		fix := startrule.ProblemOf(&sink.Verdict{State: state}).Fix
		if fix == "" {
			t.Errorf("%s has no fix", state)
		}
		if have := Steps(fix, true); !reflect.DeepEqual(have, want) {
			t.Errorf("%s: have %+v, want %+v", state, have, want)
		}
	}
}

// TestUnmade expects the SQL for what verify cannot create, and not the SQL for what it has created.
func TestUnmade(t *testing.T) {
	out := "public.n  no_table  the replica has no table public.n: CREATE TABLE \"public\".\"n\" ()  (repaired)\n" +
		"public.t  no_column  public.t lacks \"b\", and it cannot be made: schema_changed: column a is now called b\n" +
		"ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"b\";\nALTER TABLE \"t\" ALTER \"c\" DROP NOT NULL; -- or DROP COLUMN \"c\"\n" +
		"public.t: 0 rows compared, 1 difference, 0 repaired\n"
	want := []Step{{SQL: `ALTER TABLE "t" RENAME COLUMN "a" TO "b";`}, {SQL: `ALTER TABLE "t" ALTER "c" DROP NOT NULL;`}}
	if have := unmade(out); !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v, want %+v", have, want)
	}
}

// TestReduce expects the statements that a fault needs, and no others.
func TestReduce(t *testing.T) {
	p, err := Parse("do a\ntx b; c; d\nstart\nkill\nsettle\n")
	if err != nil {
		t.Fatal(err)
	}
	needs := func(p Program) bool {
		return contains(p, "a") && contains(p, "c") && p[len(p)-1].Verb == Settle
	}
	short := Reduce(p, needs, func() bool { return true })
	if want := "do a\ntx c\nsettle\n"; short.String() != want {
		t.Errorf("have %q, want %q", short, want)
	}
}

func contains(p Program, sql string) bool {
	for _, a := range p {
		for _, s := range a.Statements {
			if s == sql {
				return true
			}
		}
	}
	return false
}
