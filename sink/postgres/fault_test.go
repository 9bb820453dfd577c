package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

const ledgerDDL = "CREATE TABLE public.ledger (id int8 PRIMARY KEY, ver int8, pad text)"

// TestCrashesUnderLoad kills the target, its backends, the network and the writer while transactions of ten rows are written.
// A reader queries continuously: every transaction adds ten to the sum of versions, so the reader must never see any other sum,
// nor a sum that is smaller than a previous one.
func TestCrashesUnderLoad(t *testing.T) {
	needServers(t)
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			s := testenv.Postgres(t, testenv.Version(version))
			s.Exec(t, ledgerDDL)
			network := testenv.Proxy(t, s.Addr())
			url := strings.Replace(s.URL(), s.Addr(), network.Addr(), 1)
			target := sinktest.Target{
				New:    func(t *testing.T) sink.Sink { return newSink(t, postgres.Options{URL: url}) },
				Read:   func(t *testing.T) []sinktest.Seen { return versions(t, s.URL()) },
				Latest: true,
			}
			ctx, stop := context.WithCancel(t.Context())
			looked := make(chan int)
			go func() { looked <- watchSums(ctx, t, s.URL()) }()
			report := sinktest.Drive(t, target, func() error {
				for range 14 {
					time.Sleep(time.Duration(100+rand.IntN(200)) * time.Millisecond)
					if err := harm(t, s, network, url); err != nil {
						return err
					}
				}
				return nil
			})
			stop()
			t.Logf("%s; %d sums were looked at", report, <-looked)
			if len(report.Errors) == 0 {
				t.Error("nothing went wrong: the test shows nothing")
			}
		})
	}
}

// harm causes one fault that a target has to survive.
func harm(t *testing.T, s *testenv.PostgresServer, network *proxy.Server, url string) error {
	switch rand.IntN(6) {
	case 0:
		if err := s.Crash(); err != nil {
			return err
		}
		return s.Start()
	case 1:
		return s.Restart()
	case 2:
		network.Cut()
		return nil
	case 3: // a second writer, which is closed again
		w, _, err := newSink(t, postgres.Options{URL: url}).Open(t.Context(), sink.Lane{
			Name: "main", Origin: sinktest.Origin, OnDurable: func(capture.Position) {}, Failed: func(error) {},
		})
		if err != nil {
			return err
		}
		return w.Close()
	default:
		s.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tailrace/%'")
		return nil
	}
}

// watchSums reads the sum of versions repeatedly, and returns the number of successful reads.
func watchSums(ctx context.Context, t *testing.T, url string) (looked int) {
	last := 0
	for ctx.Err() == nil {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		for ctx.Err() == nil {
			var sum int
			if err := conn.QueryRow(ctx, "SELECT coalesce(sum(ver), 0)::int FROM ledger").Scan(&sum); err != nil {
				break
			}
			if looked++; sum%10 != 0 || sum < last {
				t.Errorf("the sum is %d, after %d", sum, last)
			}
			last = sum
		}
		_ = conn.Close(context.Background())
	}
	return looked
}

// lane is an open Writer and what it reported.
type lane struct {
	sink.Writer
	progress sink.Progress
	held     chan capture.Position
	failed   chan error
}

func openLane(t *testing.T, s *postgres.Sink) *lane {
	t.Helper()
	l := &lane{held: make(chan capture.Position, 10_000), failed: make(chan error, 1)}
	var err error
	l.Writer, l.progress, err = s.Open(t.Context(), sink.Lane{
		Name: "main", Origin: sinktest.Origin, OnDurable: func(p capture.Position) { l.held <- p }, Failed: func(err error) { l.failed <- err },
	})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// wait waits until p is durable.
func (l *lane) wait(t *testing.T, p capture.Position) {
	t.Helper()
	for timeout := time.After(time.Minute); ; {
		select {
		case held := <-l.held:
			if !held.Before(p) {
				return
			}
		case err := <-l.failed:
			t.Fatalf("failed before %s was held: %v", p, err)
		case <-timeout:
			t.Fatalf("%s is not held", p)
		}
	}
}

// failure waits for the error that ends the Writer.
func (l *lane) failure(t *testing.T) error {
	t.Helper()
	select {
	case err := <-l.failed:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the Writer does not fail")
		return nil
	}
}

// large returns one transaction in batches of about 1 MiB, as the window delivers it.
func large(lsn capture.LSN, pieces int) (batches []sink.Batch) {
	tx := &capture.Tx{LSN: lsn, XID: 7, Time: time.Unix(1_700_000_000, 0)}
	pad := []byte(strings.Repeat("x", 1000))
	for n := range pieces {
		b := sink.Batch{End: capture.Position{LSN: lsn, Seq: uint64(n+1) * 1000}}
		for i := range 1000 {
			seq := uint64(n*1000 + i)
			b.Events = append(b.Events, transform.Event{Change: &capture.Change{
				Tx: tx, Seq: seq, Op: capture.Insert, Table: sinktest.Table, After: []capture.Value{
					{Kind: capture.Text, Bytes: fmt.Append(nil, seq)}, {Kind: capture.Text, Bytes: []byte("1")}, {Kind: capture.Text, Bytes: pad},
				},
			}})
		}
		batches = append(batches, b)
	}
	batches[pieces-1].End, batches[pieces-1].Commit = capture.Position{LSN: lsn + 8}, true
	return batches
}

// A transaction that is larger than memory is written in chunks, and none is visible before its end, even if the connection is
// lost in the middle, or the writer pauses there and another one opens the sink.
func TestATransactionInPieces(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		database := testenv.NewDatabase(t, s)
		s.ExecIn(t, database, ledgerDDL)
		k := newSink(t, postgres.Options{URL: s.URL(database), Origin: postgres.OriginOff})
		batches := large(0x1000, 24)
		rows := func() string { return s.Query(t, database, "SELECT count(*) FROM ledger") }
		half := func() *lane {
			l := openLane(t, k)
			if l.progress.Record != sink.RecordNone {
				t.Errorf("the sink holds %+v", l.progress)
			}
			for _, b := range batches[:20] {
				if err := l.Write(t.Context(), []sink.Batch{b}); err != nil {
					t.Fatal(err)
				}
			}
			for s.Query(t, database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'") == "0" {
				time.Sleep(5 * time.Millisecond)
			}
			if n := rows(); n != "0" {
				t.Errorf("%s rows are visible in the middle", n)
			}
			return l
		}
		l := half()
		s.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+database+"'")
		if err := l.failureBy(t, batches[20:]); capture.AsProblem(err) == nil || capture.AsProblem(err).State != "target_unreachable" {
			t.Errorf("the lost connection says %v", err)
		}
		zombie := half()
		l = openLane(t, k) // ends the transaction of the zombie
		if err := zombie.failureBy(t, batches[20:]); !errors.Is(err, sink.ErrFenced) {
			t.Errorf("the zombie says %v", err)
		}
		if err := l.Write(t.Context(), batches); err != nil {
			t.Fatal(err)
		}
		l.wait(t, batches[len(batches)-1].End)
		if n := rows(); n != "24000" {
			t.Errorf("there are %s rows", n)
		}
		openLane(t, k)
		if err := l.failureBy(t, large(0x2000, 24)); !errors.Is(err, sink.ErrFenced) {
			t.Errorf("one that is fenced begins a large transaction: %v", err)
		}
	})
}

// failureBy keeps writing, and returns the error that ends the Writer.
func (l *lane) failureBy(t *testing.T, more []sink.Batch) error {
	if err := l.Write(t.Context(), more); err != nil {
		return err
	}
	return l.failure(t)
}
