package postgres

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/queue"
	"github.com/tailrace/tailrace/transform"
)

func batchOf(changes []*capture.Change) sink.Batch {
	b := sink.Batch{End: capture.Position{LSN: changes[len(changes)-1].Tx.LSN + 8}, Commit: true}
	for _, c := range changes {
		b.Events = append(b.Events, transform.Event{Change: c})
	}
	return b
}

// TestAheadIsWhatSerialIs applies random histories, taking and folding each group while the previous one is applied, even if that
// one is rolled back and applied change by change, and compares the tables.
func TestAheadIsWhatSerialIs(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("TAILRACE_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("TAILRACE_SEED=%d", seed)
	s := testenv.SharedPostgres(t, testenv.Newest)
	groups, serial := newRig(t, s, Options{}, historyDDL), newRig(t, s, Options{}, historyDDL)
	q := queue.New()
	q.PrefetchBytes = 1
	groups.prefetch.queue, groups.prefetch.group = q, &queue.Group{}
	h := newHistory(seed)
	put := func(transactions int) {
		for range transactions {
			tx := h.transaction()
			if len(tx) == 0 {
				continue
			}
			if err := serial.trySerial(t.Context(), groupOf(tx)); err != nil {
				t.Fatalf("change by change: %v", err)
			}
			if err := q.Put(t.Context(), []sink.Batch{batchOf(tx)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	g := &queue.Group{}
	var err error
	folded, taken := 0, 0
	for range 60 {
		if put(1 + h.rand.IntN(30)); q.Commits == 0 && !groups.prefetch.taken {
			continue
		}
		if g, err = groups.nextGroup(g); err != nil {
			t.Fatal(err)
		}
		if taken++; groups.bulk.folded > 0 {
			folded++
		}
		put(1 + h.rand.IntN(30))
		if err := groups.apply(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	for q.Commits > 0 || groups.prefetch.taken {
		if g, err = groups.nextGroup(g); err != nil {
			t.Fatal(err)
		}
		if err := groups.apply(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	if want, got := s.Query(t, serial.database, state), s.Query(t, groups.database, state); got != want {
		t.Errorf("ahead:\n%s\nchange by change:\n%s", got, want)
	}
	given := groups.logs.FilterMessage("change by change").Len()
	t.Logf("%d of %d groups were folded ahead, %d transactions were applied change by change", folded, taken, given)
	if folded < taken/4 {
		t.Error("these are too few to say anything")
	}
}

// A change that was folded while an earlier change of its row was being parked is parked as well.
func TestAheadOfWhatIsParked(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	r := newRig(t, s, Options{OnConflict: Park}, "CREATE TABLE plain (id int8 PRIMARY KEY, v text); INSERT INTO plain VALUES (1, 'theirs')")
	if err := r.loadParked(t.Context()); err != nil {
		t.Fatal(err)
	}
	q := queue.New()
	q.PrefetchBytes = 1
	r.prefetch.queue, r.prefetch.group = q, &queue.Group{}
	for _, changes := range [][]*capture.Change{plainRows(capture.Insert, 100, 1, 1), plainRows(capture.Insert, 1, 1, 1)} {
		if err := r.apply(t.Context(), groupOf(changes)); err != nil {
			t.Fatal(err)
		}
		if r.prefetch.taken {
			break
		}
		if err := q.Put(t.Context(), []sink.Batch{batchOf(plainRows(capture.Update, 1, 1, 1))}); err != nil {
			t.Fatal(err)
		}
	}
	if !r.prefetch.taken {
		t.Fatal("nothing was taken ahead")
	}
	g, err := r.nextGroup(&queue.Group{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.apply(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if got := s.Query(t, r.database, "SELECT v FROM plain WHERE id = 1"); got != "theirs" {
		t.Errorf("the row is %q", got)
	}
	if got := s.Query(t, r.database, "SELECT string_agg(op, ' ' ORDER BY id) FROM tailrace.parked"); got != "insert update" {
		t.Errorf("parked: %s", got)
	}
}
