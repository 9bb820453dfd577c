package ledger

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/capture"
)

// session is what a client of a replication connection sends.
func session(flushes ...uint64) (b []byte) {
	encode := func(m pgproto3.FrontendMessage) {
		var err error
		b, err = m.Encode(b)
		must(err)
	}
	encode(&pgproto3.SSLRequest{})
	encode(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "d"}})
	encode(&pgproto3.PasswordMessage{Password: "drrrrrrrrr"})
	encode(&pgproto3.Query{String: "IDENTIFY_SYSTEM"})
	encode(&pgproto3.Query{String: "START_REPLICATION SLOT s LOGICAL 0/20 (proto_version '1')"})
	for _, f := range flushes {
		status := binary.BigEndian.AppendUint64([]byte{'r'}, f+100)
		status = binary.BigEndian.AppendUint64(status, f)
		status = binary.BigEndian.AppendUint64(status, f)
		encode(&pgproto3.CopyData{Data: append(status, make([]byte, 9)...)})
		encode(&pgproto3.CopyData{Data: []byte("r is not always a status")})
	}
	return b
}

func TestRecorderReadsAnyFragments(t *testing.T) {
	bytes := session(0, 0x28, 0x28, 0x1_0000_0030)
	want := []capture.LSN{0x20, 0x28, 0x1_0000_0030}
	for size := 1; size <= len(bytes); size++ {
		r := NewRecorder(func() (map[Partition]int64, error) { return map[Partition]int64{}, nil }, time.Minute)
		client, _ := r.Watch(3)
		for piece := range slices.Chunk(bytes, size) {
			client(piece)
		}
		acks, err := r.Acks()
		r.Close()
		must(err)
		var have []capture.LSN
		for i, a := range acks {
			have = append(have, a.Flush)
			if a.Conn != 3 || a.Start != (i == 0) || a.Marks == nil {
				t.Errorf("pieces of %d: %+v", size, a)
			}
		}
		if !slices.Equal(have, want) {
			t.Fatalf("pieces of %d: %v, want %v", size, have, want)
		}
	}
}

func TestRecorderReadsMarksBeforeTheServerHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		p := Partition{"t", 0}
		marks := map[Partition]int64{p: 5}
		r := NewRecorder(func() (map[Partition]int64, error) {
			if !up.Load() {
				return nil, errors.New("no broker")
			}
			return marks, nil
		}, time.Second)
		client, _ := r.Watch(1)
		begin := time.Now()
		client(session()) // the START waits for its marks, but not forever
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("waited %s", waited)
		}
		up.Store(true)
		acks, err := r.Acks()
		must(err)
		if len(acks) != 1 || acks[0].Marks[p] != 5 {
			t.Errorf("%+v", acks)
		}
		r.Close()
	})
}

func TestRecorderTellsTLS(t *testing.T) {
	r := NewRecorder(nil, time.Minute)
	defer r.Close()
	client, _ := r.Watch(1)
	client(session()[:8])
	client([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00})
	if _, err := r.Acks(); err == nil {
		t.Error("a TLS handshake was taken for a startup message")
	}
}
