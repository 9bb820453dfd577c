package ledger

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger/workload"
	"github.com/tailrace/tailrace/internal/testenv"
)

// TestWorkload runs the workload on a real server that crashes meanwhile, lets a correct pipeline write the changes of the
// second slot, and expects no findings; then it breaks the history and expects the fingerprint to detect it.
func TestWorkload(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	server := testenv.Postgres(t, testenv.Setting("logical_decoding_work_mem", "64kB"))
	source := connect(t, server, "postgres")
	must(workload.Setup(t.Context(), source))
	must(CreateReference(t.Context(), source))
	p := newTopics(t)
	p.snapshot(source)
	stats := write(t, server, time.Second)
	source = connect(t, server, "postgres")
	truth, err := workload.ReadTruth(t.Context(), source)
	must(err)
	changes, err := ReadReference(t.Context(), source)
	must(err)
	for _, c := range changes {
		p.publish(c)
	}
	p.repeat(100)
	t.Logf("%+v, %d transactions in tx_log, %d changes", stats, len(truth.Txs), len(changes))
	covered(t, changes)

	fingerprint := func() Oracle { return NewFingerprint(t.Context(), source, scratch(t, server)) }
	for _, err := range Judge(p.history, NewGap(), NewOrder(), NewAffinity(), NewIdentity(false), NewAtomicity(truth),
		NewReference(changes), NewAckSafety(nil, changes), fingerprint()) {
		t.Error(err)
	}
	for _, b := range misprints(p.history) {
		t.Run(b.name, func(t *testing.T) {
			if errs := Judge(b.history, fingerprint()); !hasFinding(errs, "O6", b.subject) {
				t.Errorf("nothing about %s in %v", b.subject, errs)
			}
		})
	}
}

// write runs the workload for a time, with a crash in the middle.
func write(t *testing.T, server *testenv.PostgresServer, d time.Duration) workload.Stats {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan workload.Stats)
	go func() { done <- workload.Run(ctx, server.URL(), workload.Config{Seed: 7, Rate: 800}) }()
	time.Sleep(d)
	must(server.Crash())
	must(server.Start())
	time.Sleep(d)
	cancel()
	stats := <-done
	if stats.Committed < 100 || stats.RolledBack == 0 || stats.Unknown == 0 {
		t.Errorf("the workload did little: %+v", stats)
	}
	return stats
}

// covered expects the history to contain the cases that the oracles check.
func covered(t *testing.T, changes []Change) {
	kinds := map[string]int{}
	for _, c := range changes {
		kinds[c.Op+" of "+c.Table]++
		if c.OldKey != "" {
			kinds["change of key"]++
		}
		if c.Row["pad"].Kind == 'u' {
			kinds["unchanged"]++
		}
		if len(c.Row["pad"].Value) > 2000 {
			kinds["out of line"]++
		}
		if c.Row["digest"].Kind == 't' {
			kinds["digest"]++
		}
	}
	for _, k := range []string{
		"insert of ledger.account", "update of ledger.account", "delete of ledger.account",
		"insert of ledger.note", "update of ledger.note", "delete of ledger.note", "update of ledger.board",
		"change of key", "unchanged", "out of line", "digest",
	} {
		if kinds[k] == 0 {
			t.Errorf("the workload made no %s", k)
		}
	}
}

type broken struct {
	name, subject string
	history       []Observation
}

// misprints break a history in ways that the fingerprint must detect.
func misprints(h []Observation) []broken {
	last := func(is func(Observation) bool) int {
		for i := len(h) - 1; ; i-- {
			if is(h[i]) && !slices.ContainsFunc(h[:i], func(o Observation) bool { return o.ID == h[i].ID }) {
				return i
			}
		}
	}
	without := func(i int) []Observation {
		id := h[i].ID
		return slices.DeleteFunc(slices.Clone(h), func(o Observation) bool { return o.ID == id })
	}
	update := last(func(o Observation) bool {
		return o.Table == workload.Account && o.Op == "update" && len(o.Unchanged) > 0
	})
	digest := last(func(o Observation) bool { return o.Table == workload.Board })
	remove := last(func(o Observation) bool { return o.Op == "delete" && o.Table == workload.Note })
	insert := last(func(o Observation) bool { return o.Op == "insert" && o.Table == workload.Badge })
	log := last(func(o Observation) bool { return o.Table == workload.TxLog })
	return []broken{
		{"lost update of the board", workload.Board, without(digest)},
		{"lost delete", h[remove].Subject(), without(remove)},
		{"lost insert", h[insert].Subject(), without(insert)},
		{"lost row of tx_log", h[log].Subject(), without(log)},
		{"altered text", h[update].Subject(), altered(slices.Clone(h), update, "owner", `"p"`)},
		{"null for unchanged", h[update].Subject(), altered(slices.Clone(h), update, "pad", "null")},
	}
}

// snapshot publishes all rows as a snapshot's; there are no concurrent writes.
func (p *topics) snapshot(conn *pgx.Conn) {
	var lsn uint64
	ctx := p.t.Context()
	must(conn.QueryRow(ctx, "select (confirmed_flush_lsn - '0/0')::bigint from pg_replication_slots").Scan(&lsn))
	seq := 0
	for _, table := range workload.Tables() {
		rows, err := conn.Query(ctx, fmt.Sprintf("select %s, to_json(t)::text from %s t", keySQL(table), table))
		must(err)
		var key, row string
		_, err = pgx.ForEachRow(rows, []any{&key, &row}, func() error {
			value := fmt.Sprintf(`{"op":"read","schema":"ledger","table":%q,"row":%s,"lsn":"%X/%X","seq":%d,"xid":0,"time":"2026-01-01T00:00:00Z"}`,
				table[len("ledger."):], row, (lsn-1)>>32, uint32(lsn-1), seq)
			seq++
			p.append(Partition{table, home(key)}, key, []byte(value))
			return nil
		})
		must(err)
	}
}

func connect(t *testing.T, server *testenv.PostgresServer, database string) *pgx.Conn {
	conn, err := pgx.Connect(t.Context(), server.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// scratch returns a connection to a new database.
func scratch(t *testing.T, server *testenv.PostgresServer) *pgx.Conn {
	return connect(t, server, testenv.NewDatabase(t, server))
}
