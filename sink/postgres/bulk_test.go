package postgres

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// rig is an applier on its own database, driven without a queue.
type rig struct {
	*applier
	url      string
	database string
	logs     *observer.ObservedLogs
}

func newRig(t *testing.T, s *testenv.PostgresServer, o Options, ddl string) *rig {
	t.Helper()
	r := &rig{database: testenv.NewDatabase(t, s)}
	s.ExecIn(t, r.database, ddl)
	r.url = s.URL(r.database)
	o.Pipeline, o.Name, o.URL = "shop", "replica", s.URL(r.database)
	var core zapcore.Core
	core, r.logs = observer.New(zap.DebugLevel)
	k := New(o, zap.New(core))
	db, err := k.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	row, _, err := k.acquireOwnership(t.Context(), db, sink.Lane{Name: "main"})
	if err != nil {
		t.Fatal(err)
	}
	r.applier = newApplier(k, db, row, func(capture.Position) {})
	return r
}

func groupOf(changes []*capture.Change) *queue.Group {
	return &queue.Group{Changes: changes, End: capture.Position{LSN: changes[len(changes)-1].Tx.LSN + 8}, Commit: true}
}

// state is a query for a fingerprint of all tables of a history.
const state = `SELECT string_agg(s, E'\n') FROM (
	SELECT 'people ' || count(*) || md5(string_agg(t::text, ';' ORDER BY t::text)) FROM people t UNION ALL
	SELECT 'stock ' || count(*) || md5(string_agg(t::text, ';' ORDER BY t::text)) FROM stock t UNION ALL
	SELECT 'events ' || count(*) || md5(string_agg(t::text, ';' ORDER BY t::text)) FROM events t UNION ALL
	SELECT 'issued ' || count(*) || md5(string_agg(t::text, ';' ORDER BY t::text)) FROM issued t) x (s)`

// TestBulkIsWhatSerialIs applies random histories in groups, in chunks of one transaction, and change by change, and compares
// the tables.
func TestBulkIsWhatSerialIs(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("TAILRACE_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("TAILRACE_SEED=%d", seed)
	s := testenv.SharedPostgres(t, testenv.Newest)
	groups, pieces, serial := newRig(t, s, Options{}, historyDDL), newRig(t, s, Options{}, historyDDL), newRig(t, s, Options{}, historyDDL)
	h := newHistory(seed)
	for round := range 25 {
		var all []*capture.Change
		for range 1 + h.rand.IntN(40) {
			tx := h.transaction()
			if len(tx) == 0 {
				continue
			}
			if err := serial.trySerial(t.Context(), groupOf(tx)); err != nil {
				t.Fatalf("change by change: %v", err)
			}
			all = append(all, tx...)
		}
		if len(all) == 0 {
			continue
		}
		if err := groups.applyBulk(t.Context(), groupOf(all)); err != nil {
			t.Fatalf("in groups: %v", err)
		}
		for rest := all; len(rest) > 0; {
			n := min(len(rest), 1+h.rand.IntN(60))
			g := groupOf(rest[:n])
			g.Commit = n == len(rest)
			if err := pieces.apply(t.Context(), g); err != nil {
				t.Fatalf("in pieces: %v", err)
			}
			rest = rest[n:]
		}
		want := s.Query(t, serial.database, state)
		for name, r := range map[string]*rig{"groups": groups, "pieces": pieces} {
			if got := s.Query(t, r.database, state); got != want {
				t.Fatalf("round %d, %s:\n%s\nchange by change:\n%s", round, name, got, want)
			}
		}
	}
	alone := groups.logs.FilterMessage("change by change").All()
	t.Logf("%d transactions were applied change by change", len(alone))
	for _, e := range alone { // only emails that two people exchange may conflict
		if err := fmt.Sprint(e.ContextMap()["error"]); !strings.Contains(err, "people_email_key") {
			t.Errorf("a group was given up: %s", err)
		}
	}
}
