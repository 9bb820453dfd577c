package postgres

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// status records what was last sent to the server and what it wants to know. Except for asked it belongs to the socket's
// goroutine.
type status struct {
	at       time.Time   // of the last update
	flush    capture.LSN // in it
	received capture.LSN // the position up to which data has been received
	idle     bool        // nothing but keepalives has arrived since the last update
	probed   time.Time   // when an answer was first requested with nothing received since

	reached capture.LSN // a keepalive's end of WAL, with no changes for us before it
	shown   time.Time   // when a batch without changes was last delivered

	// A server that is shutting down asks until everything is confirmed, again after each answer; one that has not heard
	// from us for a while asks once. asked is set from the first question on.
	asked     atomic.Bool
	wanted    capture.LSN
	askedAt   time.Time // the first time
	askedLast time.Time // the last time
}

// quiet is the number of pulses without a received byte after which we ask the server for an answer.
const quiet = 10

// handleKeepalive handles a keepalive: its end of WAL and whether the server requests an answer.
func (s *stream) handleKeepalive(body []byte, now time.Time) error {
	if len(body) != 17 {
		return fmt.Errorf("read keepalive: %d bytes", len(body))
	}
	end := capture.LSN(binary.BigEndian.Uint64(body))
	st := &s.status
	st.received = max(st.received, end)
	if !s.asm.InTransaction() { // inside a transaction the end may be that of its own commit record
		st.reached = max(st.reached, end)
	}
	if body[16] == 0 {
		return s.reach(now, now.UnixNano() < s.expeditedUntil.Load())
	}
	again := st.asked.Swap(true)
	if !again {
		st.askedAt = now
	}
	st.wanted, st.askedLast = end, now
	if err := s.reach(now, true); err != nil {
		return err
	}
	if again && capture.LSN(s.flush.Load()) == st.flush {
		return nil // it would ask again at once; tick answers soon enough
	}
	return s.send(now, false)
}

// reach queues a batch without changes when the server is past the end of the last batch. Without haste it does so at most
// once per second: each such batch costs every sink a progress record.
func (s *stream) reach(now time.Time, haste bool) error {
	st := &s.status
	if s.asm.InTransaction() || st.reached <= s.asm.Last() || !haste && now.Sub(st.shown) < time.Second {
		return nil
	}
	st.shown = now
	s.asm.Close(capture.Position{LSN: st.reached})
	return nil
}

// tick does what is due: it sends a status update, or gives up on a server that is shutting down.
func (s *stream) tick(now time.Time) error {
	st := &s.status
	flush := capture.LSN(s.flush.Load())
	if st.asked.Load() {
		if flush >= st.wanted || now.Sub(st.askedLast) > 3*s.pulse {
			st.asked.Store(false)
		} else if now.Sub(st.askedAt) > s.config.ShutdownGrace && st.askedLast.Sub(st.askedAt) > s.config.ShutdownGrace/2 {
			return &capture.Problem{
				State:  "source_stopping",
				Reason: "the server is shutting down and the sinks have not stored everything yet: the stream ends so that it can stop",
			}
		}
	}
	if err := s.reach(now, false); err != nil {
		return err
	}
	silent := s.socket.CameAt().Before(st.probed)
	if silent && now.Sub(st.probed) > s.patience {
		return &capture.Problem{State: "source_unreachable", Reason: fmt.Sprintf("the server has been silent for %s, although "+
			"it was asked for an answer", now.Sub(s.socket.CameAt()).Round(time.Second))}
	}
	expedited := now.UnixNano() < s.expeditedUntil.Load()
	since := now.Sub(st.at)
	if since >= s.pulse || st.asked.Load() && flush > st.flush || expedited && since >= s.pulse/10 {
		ask := st.idle && (expedited || now.Sub(st.shown) >= s.config.Heartbeat) || now.Sub(s.socket.CameAt()) >= quiet*s.pulse
		st.idle = true
		if ask && !silent {
			st.probed = now
		}
		if err := s.send(now, ask); err != nil {
			return err
		}
	}
	next := st.at.Add(s.pulse)
	if expedited {
		next = st.at.Add(s.pulse / 10)
	}
	s.socket.Until(next)
	return nil
}

// postgresEpoch is the origin of Postgres' timestamps.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// send sends a status update. All three positions are always set: the server replaces a zero flush by the write position.
func (s *stream) send(now time.Time, ask bool) error {
	st := &s.status
	st.at, st.flush = now, capture.LSN(s.flush.Load())
	b := append(make([]byte, 0, 39), 'd', 0, 0, 0, 38, 'r')
	b = binary.BigEndian.AppendUint64(b, uint64(max(st.received, st.flush)))
	b = binary.BigEndian.AppendUint64(b, uint64(st.flush))
	b = binary.BigEndian.AppendUint64(b, uint64(st.flush))
	b = binary.BigEndian.AppendUint64(b, uint64(now.Sub(postgresEpoch).Microseconds()))
	if ask {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	_ = s.conn.SetWriteDeadline(now.Add(s.pulse + closeTimeout)) // fails on a closed connection, which the write reports
	if _, err := s.conn.Write(b); err != nil {
		return problem.Named("send status", err)
	}
	return nil
}
