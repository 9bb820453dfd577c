package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger/workload"
	"github.com/tailrace/tailrace/internal/testenv"
)

// load is what is written to the source of a replica, besides the ledger.
type load struct {
	scale   int // of pgbench: 100,000 accounts each
	clients int
	rate    int // transactions per second; 0: as many as possible
	ledger  int // the ledger's transactions per second
	last    time.Duration
}

// TestReplicaLedger replicates pgbench's TPC-B and the ledger into another server while the daemon and the target are killed,
// with a reader in the target that must never see a part of a transaction, and compares both sides at the end. With
// TAILRACE_SOAK set the scale is 50, with 8 clients and for a minute.
func TestReplicaLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	l := load{scale: 1, clients: 4, rate: 300, ledger: 100, last: 5 * time.Second}
	if os.Getenv("TAILRACE_SOAK") != "" {
		l = load{scale: 50, clients: 8, ledger: 200, last: time.Minute}
	}
	binary := build(t).binary
	for _, way := range [][2]int{{testenv.Oldest, testenv.Newest}, {testenv.Newest, testenv.Oldest}} {
		t.Run(fmt.Sprintf("%d to %d", way[0], way[1]), func(t *testing.T) { newPair(t, binary, way[0], way[1]).trial(l, seed(t)) })
	}
}

var bankTables = []string{"pgbench_accounts", "pgbench_branches", "pgbench_history", "pgbench_tellers"}

// trial is one run.
func (p *pair) trial(l load, seed uint64) {
	p.t.Logf("seed %d", seed)
	p.pgbench("-i", "-q", "-I", "dtGp", "-s", fmt.Sprint(l.scale))
	p.source.Exec(p.t, "ALTER TABLE pgbench_history REPLICA IDENTITY FULL") // it has no key
	conn := dial(p.t, p.source)
	defer func() { _ = conn.Close(context.Background()) }()
	if err := workload.Setup(p.t.Context(), conn); err != nil {
		p.t.Fatal(err)
	}
	p.write(`tables = ["public.*", "ledger.*"]
    except = ["ledger.grave"]`)

	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	books, bank := make(chan workload.Stats, 1), make(chan string, 1)
	go func() { books <- workload.Run(ctx, p.source.URL(), workload.Config{Seed: seed, Rate: l.ledger}) }()
	watch, stop := context.WithCancel(p.t.Context())
	defer stop()
	readers := []*reader{{url: p.target.URL(), look: balance}, {url: p.target.URL(), look: workload.Standing}}
	var looking sync.WaitGroup
	for _, r := range readers {
		looking.Go(func() { r.run(watch) })
	}
	n := &tormentor{pair: p, rand: rand.New(rand.NewPCG(seed, 7))}
	n.copy()
	go func() { bank <- p.tpcb(l, seed) }()
	n.run(time.Now().Add(l.last))
	p.t.Logf("pgbench: %s", <-bank)
	cancel()
	p.t.Logf("ledger: %+v; %d kills, %d of a daemon that was writing, %d crashes of the target", <-books, n.kills, n.writing, n.crashes)
	if n.writing == 0 || n.crashes == 0 {
		p.t.Error("no fault has met a daemon that was writing")
	}
	p.drain()
	stop()
	looking.Wait()
	for _, r := range readers {
		p.t.Logf("%d looks at the replica", r.looks)
		if r.looks < 5 {
			p.t.Errorf("only %d looks at the replica", r.looks)
		}
		for _, b := range r.broken {
			p.t.Errorf("a reader of the replica has seen: %s", b)
		}
	}
	p.checkEqual()
}

// checkEqual compares both sides at rest, and checks that a difference would be found.
func (p *pair) checkEqual() {
	p.same(append(workload.Tables(), bankTables...)...)
	p.t.Log(p.tailrace("verify", "-fast", p.file))
	if code, err := p.daemon.terminate(10 * time.Second); code != 0 || err != nil {
		p.t.Errorf("SIGTERM: exit code %d, %v\n%s", code, err, p.daemon.logTail())
	}
	conn := dial(p.t, p.target)
	defer func() { _ = conn.Close(context.Background()) }()
	for damage, look := range map[string]func(context.Context, *pgx.Conn) (string, error){
		"UPDATE pgbench_tellers SET tbalance = tbalance + 1 WHERE tid = 1": balance,
		"UPDATE ledger.board SET val = val || '!' WHERE id = 1":            workload.Standing,
		// The ledger deletes accounts too: no number is sure to be there.
		"UPDATE ledger.account SET balance = balance + 1 WHERE id = (SELECT min(id) FROM ledger.account)": workload.Standing,
	} {
		tx, err := conn.Begin(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		if tag, err := tx.Exec(p.t.Context(), damage); err != nil || tag.RowsAffected() != 1 {
			p.t.Fatalf("%s: %v, %v", damage, tag, err)
		}
		if found, err := look(p.t.Context(), conn); found == "" || err != nil {
			p.t.Errorf("a look does not find what this does: %s: %v", damage, err)
		}
		if err := tx.Rollback(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
	}
}

// tpcb runs pgbench's own transaction and returns its report.
func (p *pair) tpcb(l load, seed uint64) string {
	args := []string{
		"-n", "-c", fmt.Sprint(l.clients), "-j", "2", "-T", fmt.Sprint(int(l.last.Seconds())), "--random-seed", fmt.Sprint(seed),
	}
	if l.rate > 0 {
		args = append(args, "-R", fmt.Sprint(l.rate))
	}
	return p.pgbench(args...)
}

// pgbench runs it on the source, and expects it to succeed.
func (p *pair) pgbench(args ...string) string {
	path, err := testenv.Pgbench()
	if err != nil {
		p.t.Error(err)
		return ""
	}
	out, err := exec.Command(path, append(args, p.source.URL())...).CombinedOutput()
	if err != nil {
		p.t.Errorf("pgbench %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
