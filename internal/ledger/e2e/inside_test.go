package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

// inside is a daemon that is killed while its sink's record is inside of a transaction. Its file has one pipeline, "orders", with one
// sink.
type inside struct {
	t       *testing.T
	binary  string
	file    string
	listen  string
	dir     string
	conn    *pgx.Conn
	daemon  *daemon
	started int
	end     capture.LSN // of the last transaction
}

func newInside(t *testing.T, pg *testenv.PostgresServer) *inside {
	s := &inside{t: t, binary: build(t).binary, listen: freeAddress(t), dir: t.TempDir(), conn: connect(t, pg)}
	s.file = filepath.Join(s.dir, "orders.hcl")
	t.Cleanup(func() {
		if s.daemon == nil {
			return
		}
		s.daemon.kill()
		if t.Failed() {
			t.Log(s.daemon.logTail())
		}
	})
	return s
}

// write writes the pipeline's file.
func (s *inside) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *inside) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.conn.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *inside) start() {
	s.started++
	d, err := startDaemon(filepath.Join(s.dir, fmt.Sprintf("daemon-%d.log", s.started)), s.started, exec.Command(s.binary, "run", s.file))
	if err != nil {
		s.t.Fatal(err)
	}
	s.daemon = d
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get("http://" + s.listen + "/readyz?strict"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) || !d.running() {
			s.t.Fatalf("not ready: %s", d.logTail())
		}
	}
}

// killTimes commits transactions until the daemon was killed so many times inside of one.
func (s *inside) killTimes(times int, commit func()) {
	for n := 0; times > 0; n++ {
		if n == 30 {
			s.t.Fatalf("of %d transactions %d too few had the sink's record inside of them when it was read", n, times)
		}
		commit()
		var end string
		if err := s.conn.QueryRow(s.t.Context(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&end); err != nil {
			s.t.Fatal(err)
		}
		s.end = s.lsn(end)
		times -= s.killInside()
	}
}

func (s *inside) lsn(text string) capture.LSN {
	lsn, err := capture.ParseLSN(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return lsn
}

// killInside kills the daemon when the sink's record is inside of the transaction, and starts another. It returns 1, or 0 when the
// record passed the transaction before it was seen inside.
func (s *inside) killInside() int {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		durable, inside := s.durable()
		if inside {
			s.daemon.kill()
			s.start()
			return 1
		}
		if durable >= s.end {
			return 0
		}
	}
	s.t.Fatal("the transaction does not come")
	return 0
}

// durable returns the position of the sink's record, 0 if the daemon does not answer, and whether it is inside of a transaction.
func (s *inside) durable() (lsn capture.LSN, inside bool) {
	answer, err := http.Get("http://" + s.listen + "/api/v1/pipelines/orders")
	if err != nil {
		return 0, false
	}
	defer answer.Body.Close()
	var status struct {
		Sinks []struct {
			Durable string `json:"held"`
		} `json:"sinks"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&status); err != nil || len(status.Sinks) != 1 || status.Sinks[0].Durable == "" {
		return 0, false
	}
	text, _, inside := strings.Cut(status.Sinks[0].Durable, "+")
	return s.lsn(text), inside
}

func (s *inside) wait() {
	out, err := exec.Command(s.binary, "wait", "-pipeline", "orders", "-timeout", "2m", "-url", "http://"+s.listen).CombinedOutput()
	if err != nil {
		s.t.Fatalf("tailrace wait: %v\n%s\n%s", err, out, s.daemon.logTail())
	}
}

// readTopic returns the records of a topic with one partition.
func readTopic(t *testing.T, kafka *testenv.KafkaServer, name string) (records []*kgo.Record) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(kafka.Direct()...), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	for next, end := int64(0), int64(-1); next != end; {
		fetched := c.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			t.Fatal(err)
		}
		fetched.EachPartition(func(f kgo.FetchTopicPartition) { end = f.HighWatermark })
		fetched.EachRecord(func(r *kgo.Record) {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				records = append(records, r)
			}
		})
	}
	return records
}
