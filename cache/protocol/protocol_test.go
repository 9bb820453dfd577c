package protocol_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/internal/testenv"
)

var server *testenv.RedisServer

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if server, err = testenv.StartRedis(); err != nil {
		println(err.Error())
		return 1
	}
	defer server.Close()
	return m.Run()
}

const epoch = protocol.Epoch("0000000000000001")

// rig is one owner of an empty Redis.
type rig struct {
	*testing.T
	client *redis.Client
	lib    *protocol.Library
	owner  protocol.Owner
}

// modes runs a test with the functions as a library and as scripts.
func modes(t *testing.T, f func(*rig)) {
	for _, mode := range []string{"functions", "scripts"} {
		t.Run(mode, func(t *testing.T) {
			admin := redis.NewClient(&redis.Options{Addr: server.Addr()})
			defer admin.Close()
			ctx := t.Context()
			if err := errors.Join(admin.FlushAll(ctx).Err(), admin.FunctionFlush(ctx).Err()); err != nil {
				t.Fatal(err)
			}
			o := &redis.Options{Addr: server.Addr()}
			if mode == "scripts" {
				if err := admin.Do(ctx, "ACL", "SETUSER", "old", "on", "nopass", "~*", "+@all", "-function", "-fcall").Err(); err != nil {
					t.Fatal(err)
				}
				o.Username, o.Password = "old", "any"
			}
			client := redis.NewClient(o)
			defer client.Close()
			r := &rig{T: t, client: client, lib: protocol.NewLibrary(client)}
			r.owner = protocol.Owner{Control: protocol.Control{Source: "shop"}, Token: "one", Deadline: time.Now().Add(time.Minute)}
			if err := r.lib.Load(ctx); err != nil {
				t.Fatal(err)
			}
			r.own(&r.owner)
			f(r)
		})
	}
}

func (r *rig) own(o *protocol.Owner) protocol.Opened {
	r.Helper()
	opened, err := protocol.ParseOpened(r.lib.Own(r.Context(), r.client, o.Control, o.Token))
	if err != nil {
		r.Fatal(err)
	}
	o.Watermark = opened.Watermark
	return opened
}

func (r *rig) check(cmd *redis.Cmd, want error) {
	r.Helper()
	if err := protocol.Check(cmd); !errors.Is(err, want) {
		r.Fatalf("got %v, want %v", err, want)
	}
}

func (r *rig) invalidate(k string, c protocol.Commit) {
	r.Helper()
	r.check(r.lib.Invalidate(r.Context(), r.client, r.owner, "w", epoch, []protocol.Invalidation{{Key: k, Commit: c}}), nil)
	r.owner.Watermark = "w"
}

func (r *rig) lease(k, token string) protocol.Lease {
	r.Helper()
	l, err := r.lib.Lease(r.Context(), r.owner.Control, k, token, 3*time.Second)
	if err != nil {
		r.Fatal(err)
	}
	return l
}

func (r *rig) fill(k, token string, kind protocol.FillKind, want bool) {
	r.Helper()
	got, err := r.lib.Fill(r.Context(), r.owner.Control, k, token, kind, "value of "+token, time.Minute)
	if err != nil || got != want {
		r.Fatalf("fill of %s by %s: %v, %v", k, token, got, err)
	}
}

func TestLeaseIsExclusiveAndEndsWithItsFill(t *testing.T) {
	modes(t, func(r *rig) {
		if l := r.lease("k", "a"); l.Outcome != protocol.Granted || l.Key.Epoch != "" {
			r.Fatalf("%+v", l)
		}
		if l := r.lease("k", "b"); l.Outcome != protocol.Wait || l.Wait <= 0 || l.Wait > 3*time.Second {
			r.Fatalf("%+v", l)
		}
		r.fill("k", "b", protocol.FillValue, false)
		r.fill("k", "a", protocol.FillValue, true)
		r.fill("k", "a", protocol.FillValue, false)
		if l := r.lease("k", "b"); l.Outcome != protocol.Hit || l.Value != "value of a" {
			r.Fatalf("%+v", l)
		}
		if n := r.client.Exists(r.Context(), protocol.Sidecar("k")).Val(); n != 0 {
			r.Fatal("a sidecar without sections remains")
		}
	})
}

func TestInvalidationEndsLeaseValueAndNegativeMark(t *testing.T) {
	modes(t, func(r *rig) {
		r.lease("k", "a")
		r.invalidate("k", protocol.Commit{LSN: 100, XID: 7})
		r.fill("k", "a", protocol.FillValue, false)
		l := r.lease("k", "b")
		if l.Outcome != protocol.Granted || l.Key.LSN != 100 || len(l.Key.XIDs) != 1 || l.Key.XIDs[0] != 7 {
			r.Fatalf("%+v", l)
		}
		r.fill("k", "b", protocol.FillNegative, true)
		if l := r.lease("k", "c"); l.Outcome != protocol.Negative {
			r.Fatalf("%+v", l)
		}
		r.invalidate("k", protocol.Commit{LSN: 200, XID: 8, Visible: true})
		l = r.lease("k", "c")
		if l.Outcome != protocol.Granted || l.Key.LSN != 200 || len(l.Key.XIDs) != 1 {
			r.Fatalf("%+v", l)
		}
		r.fill("k", "c", protocol.FillValue, true)
		r.invalidate("k", protocol.Commit{LSN: 150})
		if l = r.lease("k", "d"); l.Outcome != protocol.Granted || l.Key.LSN != 200 {
			r.Fatalf("%+v", l)
		}
	})
}

func TestTombstoneStaysUnsettledUntilAllXIDsAreVisible(t *testing.T) {
	modes(t, func(r *rig) {
		ctx, sidecar := r.Context(), protocol.Sidecar("k")
		for xid := protocol.XID(20); xid > 10; xid-- { // ten: two move into the overflow, the smallest ones
			r.invalidate("k", protocol.Commit{LSN: protocol.LSN(100 - xid), XID: xid})
		}
		l := r.lease("k", "a")
		if len(l.Key.XIDs) != 8 || l.Key.Overflow != 12 || l.Key.LSN != 89 {
			r.Fatalf("%+v", l.Key)
		}
		r.fill("k", "a", protocol.FillNone, true)
		if ttl := r.client.PTTL(ctx, sidecar).Val(); ttl < 23*time.Hour {
			r.Fatalf("an unsettled tombstone lapses after %v", ttl)
		}
		settle := func(xmin protocol.XID, xids ...protocol.XID) {
			r.Helper()
			r.check(r.lib.Settle(ctx, r.client, r.owner, epoch, xmin, []protocol.Settlement{{Key: "k", XIDs: xids}}), nil)
		}
		settle(12, 13, 14, 15, 16, 17, 18, 19, 20)
		if l := r.lease("k", "b"); len(l.Key.XIDs) != 0 || l.Key.Overflow != 12 {
			r.Fatalf("%+v", l.Key)
		}
		r.fill("k", "b", protocol.FillNone, true)
		settle(13)
		if ttl := r.client.PTTL(ctx, sidecar).Val(); ttl <= 50*time.Second || ttl > time.Minute {
			r.Fatalf("a settled tombstone lapses after %v", ttl)
		}
	})
}

func TestNewerEpochReplacesTombstone(t *testing.T) {
	modes(t, func(r *rig) {
		ctx := r.Context()
		r.invalidate("k", protocol.Commit{LSN: 900, XID: 7})
		next := protocol.Epoch("0000000000000002")
		batch := []protocol.Invalidation{{Key: "k", Commit: protocol.Commit{LSN: 50, XID: 9}}}
		r.check(r.lib.Invalidate(ctx, r.client, r.owner, "w", next, batch), nil)
		l := r.lease("k", "a")
		if l.Key.Epoch != next || l.Key.LSN != 50 || len(l.Key.XIDs) != 1 || l.Key.XIDs[0] != 9 {
			r.Fatalf("%+v", l.Key)
		}
		r.invalidate("k", protocol.Commit{LSN: 950, XID: 8}) // a late one of the former epoch: it deletes, and changes no tombstone
		r.fill("k", "a", protocol.FillValue, false)
		if l := r.lease("k", "b"); l.Key.Epoch != next || l.Key.LSN != 50 || len(l.Key.XIDs) != 1 {
			r.Fatalf("%+v", l.Key)
		}
	})
}

func TestForeignSourceIsNamed(t *testing.T) {
	modes(t, func(r *rig) {
		r.invalidate("k", protocol.Commit{LSN: 100, XID: 7})
		other := protocol.Owner{Control: protocol.Control{Source: "billing"}, Token: "x", Deadline: r.owner.Deadline}
		r.own(&other)
		batch := []protocol.Invalidation{{Key: "k", Commit: protocol.Commit{LSN: 50, XID: 9}}}
		err := protocol.Check(r.lib.Invalidate(r.Context(), r.client, other, "w", epoch, batch))
		var foreign *protocol.ForeignKeyError
		if !errors.As(err, &foreign) || foreign.Key != "k" {
			r.Fatal(err)
		}
	})
}

func TestGuardRefusesLateFencedAndLost(t *testing.T) {
	modes(t, func(r *rig) {
		ctx := r.Context()
		batch := []protocol.Invalidation{{Key: "k", Commit: protocol.Commit{LSN: 100, XID: 7}}}
		call := func(o protocol.Owner) *redis.Cmd { return r.lib.Invalidate(ctx, r.client, o, "next", epoch, batch) }
		late, lost := r.owner, r.owner
		late.Deadline, lost.Watermark = time.Now().Add(-time.Second), "another"
		r.check(call(late), protocol.ErrLate)
		r.check(call(lost), protocol.ErrLost)
		successor := protocol.Owner{Control: r.owner.Control, Token: "two", Deadline: r.owner.Deadline}
		r.own(&successor)
		r.check(call(r.owner), protocol.ErrFenced)
		r.check(r.lib.Record(ctx, r.client, r.owner, "record"), protocol.ErrFenced)
		if l := r.lease("k", "a"); l.Key.Epoch != "" {
			r.Fatalf("a refused call has written %+v", l.Key)
		}
		if err := r.client.FlushDB(ctx).Err(); err != nil {
			r.Fatal(err)
		}
		r.check(call(successor), protocol.ErrLost)
		lost.Token = successor.Token
		r.check(r.lib.Repair(ctx, r.client, lost, "start"), protocol.ErrLost)
		successor.Watermark = ""
		r.check(r.lib.Repair(ctx, r.client, successor, "start"), nil)
		successor.Watermark = "start"
		r.check(call(successor), nil)
	})
}

func TestRefreshKeepsTheNewest(t *testing.T) {
	modes(t, func(r *rig) {
		ctx := r.Context()
		refresh := func(lsn protocol.LSN, value string) {
			r.Helper()
			v := protocol.Refreshment{Key: "k", Commit: protocol.Commit{LSN: lsn, XID: protocol.XID(lsn)}, Value: &value, TTL: time.Hour}
			r.check(r.lib.Refresh(ctx, r.client, r.owner, "w", epoch, v), nil)
			r.owner.Watermark = "w"
		}
		want := func(want string) {
			r.Helper()
			if got, err := r.client.Get(ctx, "k").Result(); got != want && (want != "" || !errors.Is(err, redis.Nil)) {
				r.Fatalf("%q, %v", got, err)
			}
		}
		refresh(10, "ten")
		refresh(30, "thirty")
		refresh(20, "twenty")
		want("thirty")
		r.invalidate("k", protocol.Commit{LSN: 40, XID: 40})
		want("")
		refresh(35, "thirty-five") // late: a newer commit has invalidated the key
		want("")
		refresh(50, "fifty")
		want("fifty")
		gone := protocol.Refreshment{Key: "k", Commit: protocol.Commit{LSN: 60, XID: 60}}
		r.check(r.lib.Refresh(ctx, r.client, r.owner, "w", epoch, gone), nil)
		refresh(55, "fifty-five")
		want("")
		hash := protocol.Refreshment{Key: "h", Commit: protocol.Commit{LSN: 70}, Fields: []string{"a", "1", "b", "2"}}
		r.check(r.lib.Refresh(ctx, r.client, r.owner, "w", epoch, hash), nil)
		if got := r.client.HGetAll(ctx, "h").Val(); len(got) != 2 || got["b"] != "2" {
			r.Fatal(got)
		}
	})
}

func TestNamespaceSectionEndsEveryLease(t *testing.T) {
	modes(t, func(r *rig) {
		r.lease("k", "a")
		r.invalidate("", protocol.Commit{LSN: 100, XID: 7})
		r.fill("k", "a", protocol.FillValue, false)
		l := r.lease("other", "b")
		if l.Namespace.LSN != 100 || len(l.Namespace.XIDs) != 1 || l.Key.Epoch != "" {
			r.Fatalf("%+v", l)
		}
		r.fill("other", "b", protocol.FillValue, true)
		r.check(r.lib.Sweep(r.Context(), r.client, r.owner, epoch, "other", "k"), nil)
		if l := r.lease("other", "c"); l.Outcome != protocol.Granted {
			r.Fatalf("%+v", l)
		}
	})
}

func TestSweepKeepsTombstonesAndDropsFormerEpochs(t *testing.T) {
	modes(t, func(r *rig) {
		r.invalidate("k", protocol.Commit{LSN: 100, XID: 7})
		r.lease("k", "a")
		r.check(r.lib.Sweep(r.Context(), r.client, r.owner, epoch, "k"), nil)
		r.fill("k", "a", protocol.FillValue, false)
		if l := r.lease("k", "b"); l.Key.LSN != 100 || len(l.Key.XIDs) != 1 {
			r.Fatalf("%+v", l)
		}
		r.check(r.lib.Sweep(r.Context(), r.client, r.owner, "0000000000000002", "k"), nil)
		if l := r.lease("k", "c"); l.Key.LSN != 100 || len(l.Key.XIDs) != 0 {
			r.Fatalf("%+v", l)
		}
	})
}

func TestHeartbeatComesWithTheLease(t *testing.T) {
	modes(t, func(r *rig) {
		ctx, at := r.Context(), time.UnixMicro(1_700_000_000_123_456).UTC()
		h := protocol.Heartbeat{Epoch: epoch, Applied: 1 << 63, Floor: 77, Time: at}
		r.check(r.lib.Beat(ctx, r.client, r.owner, h, 10*time.Second), nil)
		if l := r.lease("k", "a"); l.Heartbeat != h {
			r.Fatalf("%+v", l.Heartbeat)
		}
		if got, err := r.lib.ReadHeartbeat(ctx, r.owner.Control); got != h || err != nil {
			r.Fatalf("%+v, %v", got, err)
		}
		if err := r.lib.Written(ctx, r.owner.Control, 99, "k"); err != nil {
			r.Fatal(err)
		}
		r.fill("k", "a", protocol.FillValue, false)
		if l := r.lease("k", "b"); l.Key.LSN != 99 || l.Key.Epoch != epoch || len(l.Key.XIDs) != 0 {
			r.Fatalf("%+v", l.Key)
		}
	})
}

func TestRestartedServerGetsTheFunctionsAgain(t *testing.T) {
	modes(t, func(r *rig) {
		ctx := context.Background()
		if err := errors.Join(r.client.ScriptFlush(ctx).Err()); err != nil {
			r.Fatal(err)
		}
		if r.Name() == "TestRestartedServerGetsTheFunctionsAgain/functions" {
			if err := r.client.FunctionFlush(ctx).Err(); err != nil {
				r.Fatal(err)
			}
		}
		if l := r.lease("k", "a"); l.Outcome != protocol.Granted {
			r.Fatalf("%+v", l)
		}
	})
}

// A lease ends before a section can lapse that was written after it: fill could not tell otherwise that there was one.
func TestLeaseIsShorterThanATombstone(t *testing.T) {
	modes(t, func(r *rig) {
		for _, token := range []string{"a", "b"} {
			l, err := r.lib.Lease(r.Context(), r.owner.Control, "k", token, time.Hour)
			if err != nil || l.Wait > 30*time.Second || token == "b" && l.Outcome != protocol.Wait {
				r.Fatalf("%+v, %v", l, err)
			}
		}
	})
}
