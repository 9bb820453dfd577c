package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/internal/testenv"
)

// While the standby of synchronized_standby_slots is missing or away, the server holds changes back. That is a state of its
// own, which ends without intervention; the stream continues.
func TestStandbyIsWaitedFor(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.FailoverSlots, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			primary := testenv.Postgres(t, testenv.Version(version), testenv.Setting("synchronized_standby_slots", testenv.StandbyName))
			c := testConfig(primary, "postgres")
			c.Failover = true
			p := startTap(t, primary, c, "postgres")
			primary.Exec(t, insert(1, 1))
			p.waits("slot standby does not exist")
			standby := primary.Standby(t)
			p.waits("")
			p.expect(inserts(1, 1)...)
			if err := standby.Stop(testenv.Fast); err != nil {
				t.Fatal(err)
			}
			primary.Exec(t, insert(2, 2))
			p.waits("no standby is connected to slot standby")
			if since := p.source.Health().WaitingSince; time.Since(since).Abs() > time.Minute {
				t.Errorf("since %s", since)
			}
			if err := standby.Start(); err != nil {
				t.Fatal(err)
			}
			p.waits("")
			p.expect(inserts(1, 2)...)
			if p.streams != 2 || len(p.reports) > 0 {
				t.Errorf("%d streams, reports %v", p.streams, p.reports)
			}
			p.publicationGone(primary)
		})
	}
}

// waits waits until the source reports that it waits in this state, "" for none.
func (p *tap) waits(why string) {
	p.t.Helper()
	p.wait("it waits for: "+why, func() bool {
		w := p.source.Health().Waiting
		if w != nil && (w.State != "waiting_for_standby" || w.Halted || w.Fix == "") {
			p.t.Fatalf("%+v", w)
		}
		return why == "" && w == nil || why != "" && w != nil && strings.Contains(w.Reason, why)
	})
}

// publicationGone: among the notices about synchronized_standby_slots, the one about a publication is still detected.
func (p *tap) publicationGone(s *testenv.PostgresServer) {
	p.t.Helper()
	s.Exec(p.t, "DROP PUBLICATION tailrace", insert(3, 3))
	p.wait("the state", func() bool { return p.reported("publication_missing") })
	p.expect(inserts(1, 2)...)
}

// Notices with the code of a missing publication, in any language: the server's function distinguishes them, and the
// catalogue if the function is unknown.
func TestNotices(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	s := newSite(t, testenv.Newest)
	s.exec("CREATE PUBLICATION p")
	for _, c := range []struct {
		notice      pgproto3.NoticeResponse
		publication string
		missing     bool
	}{
		{pgproto3.NoticeResponse{Code: "55000", Routine: "StandbySlotsHaveCaughtup", Message: `Replikations-Slot »standby« ...`}, "gone", false},
		{pgproto3.NoticeResponse{Code: "22023", Routine: "StandbySlotsHaveCaughtup"}, "gone", false},
		{pgproto3.NoticeResponse{Code: "55000", Routine: "LoadPublications", Message: `chargement de la publication « p » ignoré`}, "p", true},
		{pgproto3.NoticeResponse{Code: "55000", Routine: "renamed"}, "p", false},
		{pgproto3.NoticeResponse{Code: "55000", Routine: "renamed"}, "gone", true},
		{pgproto3.NoticeResponse{Code: "55000"}, "gone", true},
		{pgproto3.NoticeResponse{Code: "01000", Routine: "LoadPublications"}, "gone", false},
	} {
		st, _ := newStream(t)
		c.notice.Severity, c.notice.SeverityUnlocalized = "WARNUNG", "WARNING"
		st.config = s.config()
		st.config.Publication = c.publication
		st.control = &controlConn{config: st.config}
		body, err := c.notice.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		err = st.notice(t.Context(), body[5:])
		st.control.close()
		if (state(err) == "publication_missing") != c.missing || !c.missing && err != nil {
			t.Errorf("%s of %q, publication %s: %v", c.notice.Code, c.notice.Routine, c.publication, err)
		}
	}
}
