package postgres

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// TestSilence drops the traffic to the server, or from it. A slow statement, however, is waited for.
func TestSilence(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	for name, hold := range map[string]func(*proxy.Server){
		"all": (*proxy.Server).Hold, "replies": (*proxy.Server).HoldReplies, "": nil,
	} {
		database := testenv.NewDatabase(t, s)
		limit, sleep := 400*time.Millisecond, "0"
		if hold == nil {
			limit, sleep = 3*time.Second, "5"
		}
		s.ExecIn(t, database, historyDDL, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
			PERFORM pg_catalog.pg_sleep(`+sleep+`); RETURN NEW; END'; CREATE TRIGGER slow BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION slow()`)
		network := testenv.Proxy(t, s.Addr())
		k := New(Options{Pipeline: "shop", Name: "replica", URL: strings.Replace(s.URL(database), s.Addr(), network.Addr(), 1)}, zaptest.NewLogger(t))
		k.stallTimeout = limit
		failed, held := make(chan error, 1), make(chan capture.Position, 9)
		w, _, err := k.Open(t.Context(), sink.Lane{
			Name: "main", OnDurable: func(p capture.Position) { held <- p }, Failed: func(err error) { failed <- err },
		})
		if err != nil {
			t.Fatal(err)
		}
		if hold != nil {
			hold(network)
		}
		c := changesOf(t, "insert people 1|a|x|1")[0]
		batch := sink.Batch{Events: []transform.Event{{Change: c}}, End: capture.Position{LSN: c.Tx.LSN + 8}, Commit: true}
		if err := w.Write(t.Context(), []sink.Batch{batch}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-failed:
			if p := capture.AsProblem(err); hold == nil || p == nil || p.State != "target_unreachable" {
				t.Errorf("%q: %v", name, err)
			}
		case p := <-held:
			if hold != nil {
				t.Errorf("%q: %s is held", name, p)
			}
		case <-time.After(time.Minute):
			t.Errorf("%q: it is not noticed", name)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := network.Heal(); err != nil {
			t.Error(err)
		}
	}
}
