package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/ledger"
	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// refPipelines runs reference pipelines as processes of this test binary.
type refPipelines struct{ bug string }

func (p refPipelines) command(r *rig, _ int) *exec.Cmd {
	cmd := exec.Command(os.Args[0], r.url(), r.kafka.Brokers()[0])
	cmd.Env = append(os.Environ(), refBugEnv+"="+p.bug)
	return cmd
}

func (p refPipelines) ready(r *rig, _ *daemon) {
	r.until("the first rows", time.Minute, func() bool { return r.topics.size() > 0 })
}

func (p refPipelines) slot() string { return refSlot }

// ended: a reference pipeline ends whenever a connection breaks or another process fences it.
func (p refPipelines) ended(*rig, *daemon) {}

// woken waits until the pipeline has written what it can: killed earlier on a slow machine, one without a fence seems
// correct.
func (p refPipelines) woken(r *rig, d *daemon) {
	r.until("the woken line to end", time.Minute, func() bool { return !d.running() })
}

func (p refPipelines) sample(*rig, *daemon) ledger.Sample {
	return ledger.Sample{Goroutines: -1, Descriptors: -1, RSS: -1}
}

func (p refPipelines) drained(*rig, *daemon) {}

// prepareRefPipeline creates what a reference pipeline needs: its slot, so that it sees the first rows, and the topics.
func prepareRefPipeline(r *rig, conn *pgx.Conn) {
	_, err := conn.Exec(r.t.Context(), "select pg_create_logical_replication_slot($1, 'pgoutput')", refSlot)
	r.must(err)
	for _, table := range workload.Tables() {
		r.kafka.CreateTopic(r.t, prefix+table, partitions, nil)
	}
	// The first transactional client of a cluster waits longer than a walsender does.
	first, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Direct()...), kgo.TransactionalID("first"))
	r.must(err)
	defer first.Close()
	_, _, err = first.ProducerID(r.t.Context())
	r.must(err)
}

// TestHarness tests the harness with a correct pipeline, which all oracles must accept, and with pipelines that have one bug
// each, which the oracles must find.
func TestHarness(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, c := range []struct {
		bug    string
		plan   plan
		caught string // oracles that must find it
	}{
		{noBug, plan{kill: 2, freeze: 1, holdBroker: 1, crashPostgres: 1, terminateSender: 1, cut: 1}, ""},
		{early, plan{kill: 1, holdBroker: 1}, "O8"},
		{skip, plan{kill: 1}, "O1 O5 O6 O10"},
		{unfenced, plan{freeze: 1}, "O2"},
	} {
		t.Run(c.bug, func(t *testing.T) {
			errs := trial{
				program: refPipelines{c.bug}, prepare: prepareRefPipeline, seed: 3, rate: 200, least: 3 * time.Second, plan: c.plan,
			}.run(t)
			for _, err := range errs {
				if c.caught == "" {
					t.Error(err)
				}
			}
			for _, oracle := range strings.Fields(c.caught) {
				if !spoke(errs, oracle) {
					t.Errorf("%s has nothing to say, only %v", oracle, errs)
				}
			}
		})
	}
}

func spoke(errs []error, oracle string) bool {
	for _, err := range errs {
		if strings.HasPrefix(err.Error(), oracle+" ") {
			return true
		}
	}
	return false
}
