package ledger

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Recorder records the acknowledgements to Postgres, as a watcher of a proxy on the replication connections, which must not
// use TLS. Connections without replication are parsed and ignored.
type Recorder struct {
	marks    func() (map[Partition]int64, error)
	patience time.Duration
	requests chan *request

	mutex sync.Mutex
	acks  []*request
	err   error
}

// request is an Ack whose Marks are still to be read.
type request struct {
	ack  Ack
	done chan struct{} // closed when Marks is set
}

// NewRecorder returns a recorder. marks reads the high watermarks of all partitions; one goroutine calls it until it
// succeeds. A status update waits for it before it is passed to the server, but only for patience: Kafka may be down,
// and Postgres must not miss its replies. Then the marks are those of the moment at which Kafka answers again.
func NewRecorder(marks func() (map[Partition]int64, error), patience time.Duration) *Recorder {
	r := &Recorder{marks: marks, patience: patience, requests: make(chan *request, 1<<14)}
	go r.read()
	return r
}

// read answers requests in their order. Requests that have waited share one reading, which is made after each of them.
func (r *Recorder) read() {
	for q := range r.requests {
		waiting := []*request{q}
		for len(r.requests) > 0 {
			waiting = append(waiting, <-r.requests)
		}
		marks, err := r.marks()
		for ; err != nil; marks, err = r.marks() {
			time.Sleep(10 * time.Millisecond)
		}
		for _, q := range waiting {
			q.ack.Marks = marks
			close(q.done)
		}
	}
}

// Watch is called for each new connection; see proxy.Watcher.
func (r *Recorder) Watch(conn int) (client, server func([]byte)) {
	f := &frontend{conn: conn, recorder: r}
	return f.read, nil
}

// Acks returns all acknowledgements so far, in their order. It waits for their marks; no more status updates may arrive.
// The error is about a connection that could not be parsed.
func (r *Recorder) Acks() ([]Ack, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var acks []Ack
	for _, q := range r.acks {
		<-q.done
		acks = append(acks, q.ack)
	}
	return acks, r.err
}

// Close stops the recorder. All connections that it watches must be closed.
func (r *Recorder) Close() { close(r.requests) }

// record stores an acknowledgement, before it is passed to the server.
func (r *Recorder) record(a Ack) {
	q := &request{ack: a, done: make(chan struct{})}
	r.mutex.Lock()
	r.acks = append(r.acks, q)
	r.mutex.Unlock()
	r.requests <- q
	select {
	case <-q.done:
	case <-time.After(r.patience):
	}
}

func (r *Recorder) fail(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// frontend reads what a client sends, message by message; a message may come in any number of pieces.
type frontend struct {
	conn     int
	recorder *Recorder
	started  bool // the startup message has passed
	lost     bool // not parsable
	pending  []byte
	flush    capture.LSN
}

// Codes in place of a protocol version in a first message; another first message follows.
const (
	sslRequest    = 80877103
	gssEncRequest = 80877104
)

func (f *frontend) read(b []byte) {
	if f.lost {
		return
	}
	f.pending = append(f.pending, b...)
	for !f.lost {
		head := 0
		if f.started {
			head = 1
		}
		if len(f.pending) < head+4 {
			return
		}
		size := head + int(binary.BigEndian.Uint32(f.pending[head:]))
		if size < head+4 || size > 64<<20 {
			f.lost = true
			f.recorder.fail(fmt.Errorf("connection %d speaks no protocol that the recorder knows (TLS?)", f.conn))
			return
		}
		if len(f.pending) < size {
			return
		}
		f.message(f.pending[:size])
		f.pending = slices.Delete(f.pending, 0, size)
	}
}

func (f *frontend) message(m []byte) {
	if !f.started {
		code := binary.BigEndian.Uint32(m[4:])
		f.started = code != sslRequest && code != gssEncRequest
		return
	}
	switch body := m[5:]; {
	case m[0] == 'd' && len(body) == 34 && body[0] == 'r':
		f.acknowledge(Ack{Flush: capture.LSN(binary.BigEndian.Uint64(body[9:]))})
	case m[0] == 'Q':
		if lsn, ok := startsAt(body); ok {
			f.acknowledge(Ack{Flush: lsn, Start: true})
		}
	}
}

// acknowledge records a new position: Postgres ignores a flush of zero, and a repeated one carries no news.
func (f *frontend) acknowledge(a Ack) {
	if a.Flush == 0 || (!a.Start && a.Flush == f.flush) {
		return
	}
	if !a.Start {
		f.flush = a.Flush
	}
	a.Conn, a.At = f.conn, time.Now()
	f.recorder.record(a)
}

var startReplication = regexp.MustCompile(`(?i)^\s*START_REPLICATION\s+SLOT\s+\S+\s+LOGICAL\s+([0-9A-F]+/[0-9A-F]+)`)

func startsAt(query []byte) (capture.LSN, bool) {
	m := startReplication.FindSubmatch(query)
	if m == nil {
		return 0, false
	}
	lsn, err := capture.ParseLSN(string(m[1]))
	return lsn, err == nil
}
