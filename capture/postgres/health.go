package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// watchPause is how often the slot's row is read. It is also the time in which a server that is shutting down is detected
// while the stream is blocked, which is part of the bound that Config.ShutdownGrace promises.
const watchPause = 2 * time.Second

// watch updates the health. It ends the stream when its server is shutting down while no caller reads from it, or when its
// publication has changed: the next stream is checked.
func (s *Source) watch(ctx context.Context, st *stream) {
	var standbys slot.StandbyWait
	for {
		err := s.readHealth(ctx, st, &standbys)
		if err == nil || pgconnect.SQLState(err) != "" {
			st.answers.Add(1)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Debug("watch slot", zap.Error(err))
			if code := pgconnect.SQLState(err); code == pgconnect.CannotConnectNow || code == pgconnect.AdminShutdown {
				st.end(&capture.Problem{State: "source_stopping", Reason: "the server is shutting down", Err: err})
			}
		}
		if s.trees.Wait(ctx, watchPause) != nil {
			return
		}
	}
}

func (s *Source) readHealth(ctx context.Context, st *stream, standbys *slot.StandbyWait) error {
	ctx, cancel := context.WithTimeout(ctx, 2*watchPause)
	defer cancel()
	var row *slot.State
	var changed bool
	var waitsFor []slot.Standby
	var tables publication.TableHealth
	err := st.control.do(ctx, func(c *pgx.Conn) (err error) {
		if changed, err = st.publication.Changed(ctx, c); err != nil {
			return err
		}
		if waitsFor, err = slot.ReadStandbys(ctx, c, st.pid); err != nil {
			return err
		}
		if row, err = slot.Read(ctx, c, st.slot); err != nil {
			return err
		}
		if err = s.relations.Watch(ctx, c); err != nil {
			return err
		}
		tables, err = s.tables.Check(ctx, c)
		return err
	})
	if err != nil || row == nil {
		return err
	}
	if changed && st.snapshot == nil { // a snapshot goes on: the stream after it is checked
		s.log.Info("the publication was changed: the stream starts again", zap.String("name", s.config.Publication))
		st.end(capture.ErrRestart)
	}
	if standbys.Update(waitsFor, time.Now()) {
		standbys.Log(s.log)
	}
	if st.snapshot == nil {
		if err := st.control.do(ctx, func(c *pgx.Conn) error { return s.trees.Check(ctx, c, st.expedite) }); err != nil {
			return err
		}
		if err := st.control.do(ctx, func(c *pgx.Conn) error { return s.joins.Check(ctx, c, st.expedite) }); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meter.record(row.End, time.Now())
	h := &s.health
	h.Waiting, h.WaitingSince = standbys.Problem, standbys.Since
	h.Warnings, h.Unpublished = tables.Warnings, tables.Unpublished
	h.Slot, h.End, h.Confirmed, h.Retained, h.Safe, h.Rate = row.Health(), row.End, row.Confirmed, row.Retained, row.Safe, s.meter.rate
	return nil
}

// meter measures the rate at which the server writes WAL, in bytes per second, smoothed over about a minute.
type meter struct {
	rate float64
	end  capture.LSN
	at   time.Time
}

func (m *meter) record(end capture.LSN, now time.Time) {
	const half = time.Minute
	if d := now.Sub(m.at); !m.at.IsZero() && d > 0 && end >= m.end {
		rate := float64(end-m.end) / d.Seconds()
		weight := min(1, d.Seconds()/half.Seconds())
		if m.rate == 0 {
			weight = 1
		}
		m.rate += (rate - m.rate) * weight
	}
	m.end, m.at = end, now
}
