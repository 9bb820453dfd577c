package postgres

import (
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/slot"
)

func TestWALEnd(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int)`, `ALTER TABLE a REPLICA IDENTITY FULL`)
		c := s.config("public.a")
		conn := s.control(c)
		read := func(f string) (l capture.LSN) {
			s.Helper()
			if err := conn.QueryRow(s.Context(), `SELECT (`+f+`() - '0/0')::bigint`).Scan(&l); err != nil {
				s.Fatal(err)
			}
			return l
		}
		for _, setting := range []string{"on", "off"} {
			s.exec(`SET synchronous_commit = ` + setting + `; INSERT INTO a VALUES (1)`)
			committed := read("pg_current_wal_insert_lsn")
			end, err := slot.WALEnd(s.Context(), conn)
			if flush := read("pg_current_wal_flush_lsn"); err != nil || end > flush || end+40 < committed { // 40 bytes are the header of a segment
				s.Errorf("synchronous_commit %s: end %s, %v; committed %s, flushed %s", setting, end, err, committed, flush)
			}
		}
		// After a switch the insert position is after the header of a page that has not been written.
		s.exec(`SELECT pg_switch_wal()`)
		end, err := slot.WALEnd(s.Context(), conn)
		if flush := read("pg_current_wal_flush_lsn"); err != nil || end > flush {
			s.Errorf("after a switch: end %s, flush %s, %v", end, flush, err)
		}
		s.publish(c)
		s.createSlot(c)
		s.exec(`SELECT pg_switch_wal()`)
		if end, err = slot.WALEnd(s.Context(), conn); err != nil {
			s.Fatal(err)
		}
		reach(s, c, end)
	})
}

// reach waits until a walsender has reached end, while no session writes.
func reach(s site, c *Config, end capture.LSN) {
	s.Helper()
	repl, err := c.replication(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	defer repl.Close(s.Context())
	if err := start(s, c, repl); err != nil {
		s.Fatal(err)
	}
	for {
		err := pglogrepl.SendStandbyStatusUpdate(s.Context(), repl, pglogrepl.StandbyStatusUpdate{WALWritePosition: 1, ReplyRequested: true})
		if err != nil {
			s.Fatal(err)
		}
		m, err := repl.ReceiveMessage(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		d, ok := m.(*pgproto3.CopyData)
		if !ok || d.Data[0] != pglogrepl.PrimaryKeepaliveMessageByteID {
			continue
		}
		k, err := pglogrepl.ParsePrimaryKeepaliveMessage(d.Data[1:])
		if err != nil {
			s.Fatal(err)
		}
		if capture.LSN(k.ServerWALEnd) >= end {
			return
		}
	}
}
