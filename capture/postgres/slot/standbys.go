package slot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// Standby is a slot that synchronized_standby_slots (17+) names, as the server's catalogue shows it. The server does
// not send the changes of a failover slot before the standbys of all these slots have confirmed them.
type Standby struct {
	Name    string
	Exists  bool
	Type    string // physical, logical
	Invalid string // the reason of invalidation; "": it is valid
	Active  bool
	Restart capture.LSN // what its standby has confirmed
}

// ReadStandbys reads the slots for whose standbys the walsender pid is waiting; none when it does not wait.
func ReadStandbys(ctx context.Context, conn *pgx.Conn, pid uint32) ([]Standby, error) {
	rows, err := conn.Query(ctx, `
		SELECT n, s.slot_name IS NOT NULL, coalesce(slot_type, ''), coalesce(to_jsonb(s)->>'invalidation_reason', ''),
			coalesce(active, false), coalesce(restart_lsn - '0/0', 0)::bigint
		FROM (SELECT lower(btrim(n, ' "')) FROM unnest(string_to_array(current_setting('synchronized_standby_slots', true), ',')) n) names(n)
			LEFT JOIN pg_replication_slots s ON slot_name = n
		WHERE EXISTS (SELECT FROM pg_stat_get_activity($1) WHERE wait_event = 'WaitForStandbyConfirmation')`, int32(pid))
	if err != nil {
		return nil, problem.Named("read synchronized_standby_slots", err)
	}
	slots, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Standby])
	return slots, problem.Named("read synchronized_standby_slots", err)
}

// StandbyWait records since when a walsender waits for standbys. One goroutine uses it.
type StandbyWait struct {
	Problem *capture.Problem // nil: it does not wait, or has not waited long
	Since   time.Time        // of the problem
	before  map[string]capture.LSN
}

// Update evaluates another reading of the slots and reports whether the problem has begun, ended, or changed. The server
// waits for a connected standby after each commit; that is a problem only if the standby has confirmed nothing between two
// readings.
func (w *StandbyWait) Update(slots []Standby, now time.Time) (changed bool) {
	var whys []string
	var fixes []string
	confirmed := map[string]capture.LSN{}
	for i := range slots {
		s := &slots[i]
		confirmed[s.Name] = s.Restart
		last, seen := w.before[s.Name]
		if why, fix := s.whyBlocked(seen && s.Restart == last); why != "" {
			whys, fixes = append(whys, why), append(fixes, fix)
		}
	}
	w.before = confirmed
	var p *capture.Problem
	if len(whys) > 0 {
		p = &capture.Problem{
			State: "waiting_for_standby",
			Reason: "the server sends no change before the standbys in its synchronized_standby_slots have confirmed it: " +
				strings.Join(whys, "; "),
			Fix: strings.Join(fixes, "\n"),
		}
	}
	switch {
	case p == nil && w.Problem == nil || p != nil && w.Problem != nil && p.Reason == w.Problem.Reason:
		return false
	case w.Problem == nil:
		w.Since = now
	}
	w.Problem = p
	return true
}

// whyBlocked returns why the slot's standby confirms nothing, and what helps on the server; "" when it may confirm at any
// moment.
func (s *Standby) whyBlocked(stands bool) (why, fix string) {
	amend := "\n-- or take it out of synchronized_standby_slots, and SELECT pg_reload_conf()"
	switch {
	case !s.Exists:
		return fmt.Sprintf("slot %s does not exist", s.Name),
			fmt.Sprintf("SELECT pg_create_physical_replication_slot('%s');%s", strings.ReplaceAll(s.Name, "'", "''"), amend)
	case s.Type != "physical":
		return fmt.Sprintf("slot %s is a logical one", s.Name),
			fmt.Sprintf("-- name physical slots in synchronized_standby_slots, not %s, and SELECT pg_reload_conf()", s.Name)
	case s.Invalid != "":
		return fmt.Sprintf("slot %s is invalidated (%s)", s.Name, s.Invalid),
			fmt.Sprintf("SELECT pg_drop_replication_slot('%s'), pg_create_physical_replication_slot('%[1]s');\n"+
				"-- and rebuild its standby%s", s.Name, amend)
	case !s.Active:
		return fmt.Sprintf("no standby is connected to slot %s", s.Name),
			fmt.Sprintf("-- start the standby whose primary_slot_name is %s%s", s.Name, amend)
	case stands:
		return fmt.Sprintf("the standby of slot %s is connected and has confirmed nothing beyond %s for some seconds", s.Name, s.Restart),
			fmt.Sprintf("-- check the standby whose primary_slot_name is %s, and the network to it%s", s.Name, amend)
	}
	return "", ""
}

// Log logs that the wait has begun, changed or ended.
func (w *StandbyWait) Log(log *zap.Logger) {
	if w.Problem == nil {
		log.Info("the standbys in synchronized_standby_slots confirm again")
		return
	}
	log.Warn("retrying", zap.String("state", w.Problem.State), zap.String("reason", w.Problem.Reason), zap.String("fix", w.Problem.Fix))
}
