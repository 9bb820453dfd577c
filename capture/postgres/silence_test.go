package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/testenv"
)

// TestSilenceSoak waits for the real bounds after which a silent server is given up. testHalfOpen and
// testBlackHoleWhileNobodyReads, which always run, are its short forms.
func TestSilenceSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	if !soaking() {
		t.Skip("takes six minutes; the short forms always run")
	}
	t.Parallel()
	s := testenv.Postgres(t, testenv.Version(testenv.Newest))
	for name, c := range map[string]struct {
		timeout string        // wal_sender_timeout
		stuck   bool          // no caller reads
		bound   time.Duration // ten pulses and the patience, and as much as a busy machine takes
	}{
		"the least":        {"10s", false, 40 * time.Second},
		"without a reader": {"10s", true, 40 * time.Second},
		"as the server's":  {"60s", false, 70 * time.Second},
		"without a limit":  {"0", false, 310 * time.Second},
		"of both the last": {"0", true, 310 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testenv.NewDatabase(t, s)
			proxy := testenv.Proxy(t, s.Addr())
			config := through(testConfig(s, db), proxy)
			config.URL += "?options=-c%20wal_sender_timeout%3D" + c.timeout
			p := startTap(t, s, config, db)
			p.setStuck(c.stuck)
			s.ExecIn(t, db, insert(1, 30_000))
			if !c.stuck {
				p.wait("all rows", func() bool { return len(p.changes) == 30_000 })
			}
			proxy.HoldReplies()
			time.Sleep(25 * time.Second)
			if err := proxy.Heal(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			p.mu.Lock()
			if p.streams != 2 || len(p.reports) > 0 {
				t.Errorf("given up after 25 s: %d streams, reports %v", p.streams, p.reports)
			}
			p.mu.Unlock()
			proxy.HoldReplies()
			began := time.Now()
			for noticed := false; !noticed; {
				p.mu.Lock()
				noticed = p.reported("source_unreachable")
				p.mu.Unlock()
				if time.Since(began) > c.bound+20*time.Second {
					t.Fatalf("not noticed after %s", time.Since(began))
				}
				time.Sleep(100 * time.Millisecond)
			}
			t.Logf("noticed after %s", time.Since(began).Round(time.Second))
			if err := proxy.Heal(); err != nil {
				t.Fatal(err)
			}
			p.setStuck(false)
			p.wait("all rows", func() bool { return len(p.changes) == 30_000 })
		})
	}
	t.Run("a question", func(t *testing.T) {
		t.Parallel()
		proxy := testenv.Proxy(t, s.Addr())
		c := through(testConfig(s, testenv.NewDatabase(t, s)), proxy)
		control, err := c.control(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		proxy.HoldReplies()
		began := time.Now()
		if _, err := slot.Read(context.Background(), control, c.Slot); err == nil || time.Since(began) > conn.AnswerTimeout+20*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
