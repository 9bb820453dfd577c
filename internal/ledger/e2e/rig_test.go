package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger"
	"github.com/tailrace/tailrace/internal/ledger/workload"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
)

// senderTimeout is wal_sender_timeout: after it Postgres disconnects a stopped daemon.
const senderTimeout = 3 * time.Second

// rig is one run: servers, the network between them and the daemons, and the recorded acknowledgements.
type rig struct {
	t        *testing.T
	postgres *testenv.PostgresServer
	kafka    *testenv.KafkaServer
	network  *proxy.Server // between the daemons and Postgres; the one to Kafka is kafka.Nodes[0].Proxy
	recorder *ledger.Recorder
	topics   *topics
	program  program
	daemons  []*daemon // running
	started  int
	dir      string               // of their logs
	acks     []ledger.Ack         // of the whole run, once checkHistory has read them
	events   []ledger.Observation // in the same way: those that blocks have made
}

// newRig starts the servers and creates the tables; prepare is called between the empty tables and their first rows.
func newRig(t *testing.T, version int, p program, prepare func(*rig, *pgx.Conn)) *rig {
	r := &rig{t: t, program: p, dir: t.TempDir()}
	r.postgres = testenv.Postgres(t, testenv.Version(version),
		testenv.Setting("wal_sender_timeout", fmt.Sprint(senderTimeout.Milliseconds())),
		testenv.Setting("logical_decoding_work_mem", "64kB"))
	r.kafka = testenv.Kafka(t, testenv.Proxied())
	r.network = testenv.Proxy(t, r.postgres.Addr())
	r.topics = newTopics(t, r.kafka.Direct())
	r.recorder = ledger.NewRecorder(r.topics.marks, 200*time.Millisecond)
	r.network.Watch(r.recorder.Watch)
	conn := r.connect()
	r.must(workload.Create(t.Context(), conn))
	r.must(ledger.CreateReference(t.Context(), conn))
	prepare(r, conn)
	r.must(workload.Seed(t.Context(), conn))
	t.Cleanup(r.end)
	return r
}

// url returns the URL of the database for the daemons.
func (r *rig) url() string {
	u, err := url.Parse(r.postgres.URL())
	r.must(err)
	u.Host, u.RawQuery = r.network.Addr(), "sslmode=disable"
	return u.String()
}

// connect opens a connection of the rig to the source.
func (r *rig) connect() *pgx.Conn {
	conn, err := pgx.Connect(r.t.Context(), r.postgres.URL())
	r.must(err)
	r.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// log returns the log file of the n-th daemon.
func (r *rig) log(n int) string { return filepath.Join(r.dir, fmt.Sprintf("daemon-%d.log", n)) }

// launch starts another daemon.
func (r *rig) launch() *daemon {
	r.started++
	d, err := startDaemon(r.log(r.started), r.started, r.program.command(r, r.started))
	r.must(err)
	r.daemons = append(r.daemons, d)
	return d
}

// one makes sure that a daemon runs: those that have ended by themselves are recorded and replaced.
func (r *rig) one() *daemon {
	var alive []*daemon
	for _, d := range r.daemons {
		if d.running() {
			alive = append(alive, d)
			continue
		}
		r.program.ended(r, d)
	}
	r.daemons = alive
	if len(alive) == 0 {
		return r.launch()
	}
	return alive[0]
}

// kill kills a daemon, as kill -9 does, and removes it from the list.
func (r *rig) kill(d *daemon) {
	d.kill()
	for i := range r.daemons {
		if r.daemons[i] == d {
			r.daemons = append(r.daemons[:i], r.daemons[i+1:]...)
			return
		}
	}
}

// end kills the remaining daemons and, if the test has failed, shows the end of the logs.
func (r *rig) end() {
	for _, d := range r.daemons {
		d.kill()
	}
	r.crashed()
	if r.t.Failed() {
		for n := 1; n <= r.started; n++ {
			if n == 1 || n > r.started-3 {
				r.t.Logf("daemon %d: %s", n, logTail(r.log(n)))
			}
		}
	}
	r.network.Close()
	r.recorder.Close()
	r.topics.client.Close()
}

// crashed looks in the logs of all daemons for errors that no fault explains.
func (r *rig) crashed() {
	for n := 1; n <= r.started; n++ {
		text, err := os.ReadFile(r.log(n))
		if err != nil {
			r.t.Error(err)
		}
		for _, sign := range []string{"panic: ", "DATA RACE", "fatal error: "} {
			if i := bytes.Index(text, []byte(sign)); i >= 0 {
				r.t.Errorf("daemon %d: %s", n, text[i:min(len(text), i+3000)])
			}
		}
	}
}

// until polls until ok is true.
func (r *rig) until(what string, within time.Duration, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not within %s", what, within)
		}
	}
}
