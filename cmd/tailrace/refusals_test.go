package main

import (
	"regexp"
	"strings"
	"testing"
)

// What must be refused, on real servers and through the real binary: exit code 2, the state's name, its reason and its
// fix; and the fix, carried out as it was printed, makes the next run pass.
func TestRefusals(t *testing.T) {
	site := openSites(t)
	for _, c := range []struct {
		name   string
		ruin   func(*refused)         // brings the state about
		runs   bool                   // only a run sees it: `check` does not open sinks
		state  string                 // its name
		reason string                 // words of the reason
		fix    string                 // words of the fix
		mend   func(*refused, string) // carries out the fix that was printed
	}{
		{
			name: "wrong password", ruin: func(r *refused) { r.password = "canary-wrong" },
			state: "authentication_failed", reason: "authentication failed for this role", fix: "check user and password of the source",
			mend: func(r *refused, _ string) { r.password = secret },
		},
		{
			name: "wrong wal_level", ruin: func(r *refused) { r.to(r.other).walLevel("replica") },
			state: "wal_level", reason: "wal_level is replica", fix: "then restart the server",
			mend: func(r *refused, fix string) { r.sql(fix).restart() },
		},
		{
			name: "missing table", ruin: func(r *refused) { r.table = "public.odrers" },
			state: "table_missing", reason: "public.odrers does not exist", fix: `did you mean "public.orders"?`,
			mend: func(r *refused, fix string) {
				r.table = regexp.MustCompile(`did you mean "(.*)"`).FindStringSubmatch(fix)[1]
			},
		},
		{
			name: "missing replica identity", ruin: func(r *refused) { r.exec("ALTER TABLE orders DROP CONSTRAINT orders_pkey") },
			state: "replica_identity_missing", reason: "every UPDATE and DELETE on it would fail", fix: "REPLICA IDENTITY FULL",
			mend: func(r *refused, fix string) { r.sql(fix) },
		},
		{
			name: "filter that breaks updates", ruin: func(r *refused) { r.where = "status <> 'secret'" },
			state: "filter_breaks_updates", reason: "where of public.orders uses status", fix: "REPLICA IDENTITY FULL",
			mend: func(r *refused, fix string) { r.sql(fix) },
		},
		{
			name: "slot of another database", ruin: func(r *refused) { r.slotIn("postgres") },
			state: "slot_other_database", reason: "it belongs to database postgres", fix: `give this pipeline another name: slot = "..."`,
			mend: func(r *refused, fix string) { r.sql(fix) },
		},
		{
			name: "gap: slot advanced", runs: true, ruin: func(r *refused) {
				r.held().exec("INSERT INTO orders VALUES (4)",
					"SELECT pg_replication_slot_advance('"+r.slot()+"', pg_current_wal_lsn())")
			},
			state: "gap", reason: "the changes in between are lost", fix: "Copy the rows again: `tailrace drop -pipeline refused_",
			mend: func(r *refused, fix string) { r.drop(fix).arrives(4) },
		},
		{
			name: "gap: slot made again by hand", runs: true, ruin: func(r *refused) {
				r.held().exec("SELECT pg_drop_replication_slot('"+r.slot()+"')", "INSERT INTO orders VALUES (4)").slotIn(r.database)
			},
			state: "gap", reason: "the slot begins at", fix: "Copy the rows again: `tailrace drop -pipeline refused_",
			mend: func(r *refused, fix string) { r.drop(fix).arrives(4) },
		},
		{
			name: "another cluster with the same names", runs: true, ruin: func(r *refused) {
				r.held().to(r.other).exec("CREATE PUBLICATION tailrace_" + r.name + " FOR TABLE ONLY orders").slotIn(r.database)
			},
			state: "wrong_cluster", reason: "has the progress of cluster", fix: "set the source's url to the previous cluster",
			mend: func(r *refused, _ string) { r.to(r.first).exec("INSERT INTO orders VALUES (4)").arrives(4) },
		},
		{
			name: "another cluster, to stay", runs: true, ruin: func(r *refused) { r.held().to(r.other) },
			state: "wrong_cluster", reason: "has the progress of cluster", fix: "`tailrace accept -pipeline refused_",
			mend: func(r *refused, fix string) {
				r.verb("drop", "-yes", "-pipeline", r.name).expect(t, 0, "the progress record of sink bus, which is another pipeline's", "")
				r.accept(fix, "wrong_cluster", "is removed").exec("INSERT INTO orders VALUES (4)").arrives(4)
			},
		},
		{
			name: "publication altered, accepted", runs: true, ruin: func(r *refused) {
				r.held().exec("ALTER PUBLICATION tailrace_"+r.name+" DROP TABLE orders", "INSERT INTO orders VALUES (4)")
			},
			state: "publication_altered", reason: "public.orders was taken out and put back",
			fix: "`tailrace accept -pipeline refused_",
			mend: func(r *refused, fix string) {
				r.accept(fix, "publication_altered", "never gets what was written").exec("INSERT INTO orders VALUES (5)").arrives(5)
				if strings.Contains(r.values(), `"row":{"id":4,`) {
					r.Error("order 4 is in no stream, and has arrived")
				}
			},
		},
		{
			name: "gap, accepted", runs: true, ruin: func(r *refused) {
				r.held().exec("INSERT INTO orders VALUES (4)",
					"SELECT pg_replication_slot_advance('"+r.slot()+"', pg_current_wal_lsn())")
			},
			state: "gap", reason: "the changes in between are lost", fix: "`tailrace accept -pipeline refused_",
			mend: func(r *refused, fix string) {
				r.accept(fix, "gap", "it never gets the changes after").exec("INSERT INTO orders VALUES (5)").arrives(5)
			},
		},
		{
			name: "slot made by an administrator before the first start", ruin: func(r *refused) {
				r.snapshot = "never"
				r.exec("CREATE PUBLICATION tailrace_" + r.name + " FOR TABLE ONLY orders").slotIn(r.database).exec("INSERT INTO orders VALUES (4)")
			},
			state: "no_record", reason: "sink bus has no progress record, and slot tailrace_", fix: `start = "now" in its block`,
			mend: func(r *refused, _ string) { r.start = "now"; r.arrives(4) },
		},
		{
			name: "publication altered while away", runs: true, ruin: func(r *refused) {
				r.held().exec("ALTER PUBLICATION tailrace_"+r.name+" DROP TABLE orders", "INSERT INTO orders VALUES (4)")
			},
			state: "publication_altered", reason: "public.orders was taken out and put back",
			fix:  "copy the rows again: `tailrace drop -pipeline refused_",
			mend: func(r *refused, fix string) { r.drop(fix).arrives(4) },
		},
		{
			name: "source restored to an older state", runs: true, ruin: func(r *refused) {
				r.to(r.other).held()
				older := r.server.ColdBackup(r)
				r.exec("INSERT INTO orders VALUES (4)").held().server.Restore(r, older)
			},
			state: "ahead_of_source", reason: "the source was restored to an older state",
			fix: "`tailrace drop -pipeline refused_",
			mend: func(r *refused, fix string) {
				r.drop(fix)
				if err := r.kafka.Admin(r).DeleteTopic(r.topic()); err != nil {
					r.Fatal(err)
				}
				r.exec("INSERT INTO orders VALUES (5)").arrives(5)
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := site.pipeline(t)
			c.ruin(r)
			verbs := [][]string{{"check"}, {"run", "-strict"}}
			if c.runs {
				r.verb("check").expect(t, 0, "ok: 1 pipeline", "")
				verbs = verbs[1:]
			}
			var said result
			for _, v := range verbs {
				said = r.verb(v...)
				if said.code != 2 || !strings.Contains(said.err, c.state+": ") || !strings.Contains(said.err, c.reason) ||
					!strings.Contains(said.err, c.fix) {
					t.Fatalf("%v: exit code %d, want 2, %s: %q, fix %q\n%s", v, said.code, c.state, c.reason, c.fix, said.err)
				}
				if strings.Contains(said.err, "-pipeline P ") {
					t.Errorf("%v does not name the pipeline: %s", v, said.err)
				}
				if strings.Contains(said.err, secret) {
					t.Errorf("%v shows the password: %s", v, said.err)
				}
			}
			c.mend(r, said.err)
			r.verb("check").expect(t, 0, "ok: 1 pipeline", "")
			r.held()
			r.exec("UPDATE orders SET status = 'paid'") // the application's own work goes on
		})
	}
}
