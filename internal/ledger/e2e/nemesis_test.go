package e2e

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tailrace/tailrace/internal/ledger/workload"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
)

// nemesis injects faults while the workload runs. A seed determines its choices.
type nemesis struct {
	*rig
	rand     *rand.Rand
	kills    int
	progress int // kills of a daemon that had written something
	restarts int
	shapes   int // columns that were added to the tables of events
}

// plan is how often each fault occurs in one round, in an order that the seed shuffles.
type plan struct {
	kill, freeze, holdBroker, crashPostgres, restartBroker, terminateSender, cut int

	reshape int // needs the tables of events
}

// torment runs the plan once, and then parts of it until the time has passed.
func (n *nemesis) torment(p plan, until time.Time) {
	for round := 0; round == 0 || time.Now().Before(until); round++ {
		for _, a := range n.shuffled(p) {
			if round > 0 && time.Now().After(until) {
				return
			}
			n.act(a)
		}
	}
}

func (n *nemesis) act(a action) {
	begin := time.Now()
	a.do()
	d := n.one()
	n.t.Logf("%s %s took %s, now daemon %d",
		begin.Format("15:04:05.000"), a.name, time.Since(begin).Round(time.Millisecond), d.number)
	n.pause(700 * time.Millisecond)
}

type action struct {
	name string
	do   func()
}

func (n *nemesis) shuffled(p plan) (all []action) {
	add := func(times int, name string, do func()) {
		for range times {
			all = append(all, action{name, do})
		}
	}
	add(p.kill, "kill -9", n.killOne)
	add(p.freeze, "SIGSTOP", n.freezeOne)
	add(p.holdBroker, "hold the broker", n.holdBroker)
	add(p.crashPostgres, "crash Postgres", n.crashPostgres)
	add(p.restartBroker, "restart the broker", n.restartBroker)
	add(p.terminateSender, "terminate the walsender", n.terminateSender)
	add(p.cut, "cut connections", n.cut)
	add(p.reshape, "add columns and deliver again", n.reshape)
	n.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (n *nemesis) pause(most time.Duration) { time.Sleep(time.Duration(n.rand.Int64N(int64(most)))) }

// advance waits a short time for the topics to grow, and reports whether they did.
func (n *nemesis) advance() bool {
	had := n.topics.size()
	for deadline := time.Now().Add(8 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if now := n.topics.size(); now > had && had > 0 {
			return true
		} else if had == 0 {
			had = now
		}
	}
	return false
}

func (n *nemesis) killOne() {
	d := n.one()
	if n.kills%4 != 3 && n.advance() { // otherwise at any point, mostly during its start
		n.progress++
	}
	n.pause(400 * time.Millisecond)
	n.kill(d)
	n.kills++
	n.launch()
}

// freezeOne stops the daemon, while it has data to write that the broker did not accept, until a second one has taken over
// and advanced, and resumes it next to that one; then one of the two, chosen at random, is killed.
func (n *nemesis) freezeOne() {
	old := n.frozen()
	had := n.sender()
	n.must(n.kafka.Nodes[0].Proxy.Heal())
	successor := n.launch()
	n.until("a second daemon takes over and goes on", 2*time.Minute, func() bool {
		if !successor.running() {
			n.program.ended(n.rig, successor)
			n.kill(successor)
			successor = n.launch()
		}
		now := n.sender()
		return now != "" && now != had && n.goesOn(successor)
	})
	n.must(old.wake())
	n.program.woken(n.rig, old)
	n.pause(2 * time.Second)
	if n.rand.IntN(2) == 0 {
		n.kill(old)
		return
	}
	n.kill(successor)
	n.one()
	n.until("the woken daemon, or a new one, takes over", 60*time.Second, func() bool {
		n.one()
		return n.sender() != ""
	})
}

// frozen stops a daemon that has written something and is writing more, with the broker unreachable.
func (n *nemesis) frozen() (d *daemon) {
	n.until("a daemon that writes is stopped", 2*time.Minute, func() bool {
		if d = n.one(); !n.goesOn(d) {
			return false
		}
		proxy := n.kafka.Nodes[0].Proxy
		proxy.Hold()
		n.until("something on its way to the broker or back", 30*time.Second, func() bool {
			requests, replies := proxy.Held()
			return requests || replies || !d.running()
		})
		if d.freeze() == nil {
			return true
		}
		n.must(proxy.Heal())
		return false
	})
	return d
}

// goesOn waits until the daemon, which has the slot, has written and confirmed everything committed so far, and then
// something more on each partition of the log, in which every transaction has a record. A daemon that was stopped before has
// received nothing newer, so whatever it writes after that is out of order, even if a third one starts from the slot. goesOn
// returns false if the daemon ends first.
func (n *nemesis) goesOn(d *daemon) bool {
	until := func(what string, ok func() bool) {
		n.t.Helper()
		n.until(what, time.Minute, func() bool { return !d.running() || ok() })
	}
	confirmed := func() {
		end := n.postgres.Query(n.t, "postgres", "select pg_current_wal_lsn()")
		until("the slot to be confirmed up to "+end, func() bool { return n.confirmed(end) })
	}
	confirmed()
	had, err := n.topics.marks()
	n.must(err)
	until("more records on each partition of the log", func() bool {
		now, err := n.topics.marks()
		for p, mark := range had {
			if err != nil || p.Topic == prefix+workload.TxLog && now[p] == mark {
				return false
			}
		}
		return true
	})
	confirmed()
	return d.running()
}

// sender returns the process id of the walsender that uses the slot; "" if there is none.
func (r *rig) sender() string {
	return r.postgres.Query(r.t, "postgres",
		fmt.Sprintf("select active_pid from pg_replication_slots where slot_name = '%s'", r.program.slot()))
}

// holdBroker makes the network to the broker, or only the way back, a black hole, and heals it.
func (n *nemesis) holdBroker() {
	proxy := n.kafka.Nodes[0].Proxy
	hold := proxy.Hold
	if n.rand.IntN(2) == 0 {
		hold = proxy.HoldReplies
	}
	hold()
	time.Sleep(time.Second)
	n.pause(4 * time.Second)
	n.must(proxy.Heal())
}

func (n *nemesis) crashPostgres() {
	n.must(n.postgres.Crash())
	n.pause(time.Second)
	n.must(n.postgres.Start())
}

// restartBroker stops the broker by a regular shutdown and by kill -9, in turns.
func (n *nemesis) restartBroker() {
	stop := []func() error{n.kafka.Stop, n.kafka.Kill}[n.restarts%2]
	n.restarts++
	n.must(stop())
	n.pause(time.Second)
	n.must(n.kafka.Start())
}

func (n *nemesis) terminateSender() {
	n.postgres.Query(n.t, "postgres", fmt.Sprintf(
		"select count(pg_terminate_backend(active_pid)) from pg_replication_slots where slot_name = '%s'", n.program.slot()))
}

func (n *nemesis) cut() {
	[]*proxy.Server{n.network, n.kafka.Nodes[0].Proxy}[n.rand.IntN(2)].Cut()
}
