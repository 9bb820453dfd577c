package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// An idle writer fails as well when the target loses its progress record, is taken over, or becomes unreachable.
func TestIdleTargetIsLookedAt(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	t.Parallel()
	s := testenv.SharedPostgres(t, testenv.Newest)
	for name, c := range map[string]struct {
		sql string
		why func(error) bool
	}{
		"put back":   {"UPDATE tailrace.progress SET position = '0/1'", func(err error) bool { return strings.Contains(err.Error(), "is 0/1 now") }},
		"taken over": {"UPDATE tailrace.progress SET owner = 'other'", func(err error) bool { return errors.Is(err, sink.ErrFenced) }},
		"emptied":    {"DELETE FROM tailrace.progress", func(err error) bool { return errors.Is(err, sink.ErrFenced) }},
		"ended": {"SELECT pg_terminate_backend(backend) FROM tailrace.progress", func(err error) bool {
			p := capture.AsProblem(err)
			return p != nil && p.State == "target_unreachable"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := testenv.NewDatabase(t, s)
			s.ExecIn(t, database, historyDDL)
			k := New(Options{Pipeline: "shop", Name: "replica", URL: s.URL(database)}, zaptest.NewLogger(t))
			failed, held := make(chan error, 1), make(chan capture.Position, 9)
			w, _, err := k.Open(t.Context(), sink.Lane{
				Name: "main", OnDurable: func(p capture.Position) { held <- p }, Failed: func(err error) { failed <- err },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			change := changesOf(t, "insert people 1|a|x|1")[0]
			batch := sink.Batch{Events: []transform.Event{{Change: change}}, End: capture.Position{LSN: change.Tx.LSN + 8}, Commit: true}
			if err := w.Write(t.Context(), []sink.Batch{batch}); err != nil {
				t.Fatal(err)
			}
			<-held
			select {
			case err := <-failed:
				t.Fatalf("all is well, and it fails: %v", err)
			case <-time.After(3 * idleCheckInterval):
			}
			s.ExecIn(t, database, c.sql)
			select {
			case err := <-failed:
				if !c.why(err) {
					t.Errorf("it fails with %v", err)
				}
			case <-time.After(time.Minute):
				t.Error("it is not noticed")
			}
		})
	}
}
