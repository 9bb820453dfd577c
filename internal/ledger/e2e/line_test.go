package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/ledger"
)

// The bugs that a reference pipeline may have.
const (
	noBug    = "none"
	early    = "early"    // acknowledges what it has received
	skip     = "skip"     // omits the first change after a start
	unfenced = "unfenced" // cannot be fenced, and after losing the slot writes what it has: at least its last changes again
)

// refPipeline is the simplest correct pipeline from Postgres to Kafka: a Kafka transaction for some source transactions, and
// an acknowledgement after each. It replaces the daemon in tests of the harness, optionally with a bug.
type refPipeline struct {
	bug    string
	conn   *pgconn.PgConn
	kafka  *kgo.Client
	decode ledger.Decoder
	last   []ledger.Change // that an unfenced pipeline has passed to write
	next   time.Time       // for the next status update
	acked  capture.LSN
	seen   capture.LSN // end of the newest commit or keepalive
}

const refSlot = "line"

// runRefPipeline runs a reference pipeline until it fails: then its process ends.
func runRefPipeline(ctx context.Context, url, broker, bug string) error {
	l := &refPipeline{bug: bug}
	options := []kgo.Opt{
		kgo.SeedBrokers(broker),
		kgo.TransactionTimeout(20 * time.Second),
		// A broker rejects records while it ends the previous transaction, and the client retries only when it has read the
		// metadata: after 5 seconds by default, which is longer than a walsender waits.
		kgo.MetadataMinAge(10 * time.Millisecond),
	}
	id := "line"
	if bug == unfenced {
		id = fmt.Sprint("line-", os.Getpid())
	}
	var err error
	if l.kafka, err = kgo.NewClient(append(options, kgo.TransactionalID(id))...); err != nil {
		return err
	}
	if err := l.start(ctx, url); err != nil {
		return err
	}
	if _, _, err := l.kafka.ProducerID(ctx); err != nil { // fences; after the pipeline has acquired the slot
		return err
	}
	if err := l.checkOwner(ctx, url); err != nil {
		return err
	}
	for {
		if err := l.relay(ctx); err != nil {
			return errors.Join(err, l.writeUnfenced(ctx, options))
		}
	}
}

// writeUnfenced writes what an unfenced pipeline has when it has lost the slot. It is another producer: the transaction of
// the first one may have timed out while the process was stopped.
func (l *refPipeline) writeUnfenced(ctx context.Context, options []kgo.Opt) (err error) {
	if l.bug != unfenced {
		return nil
	}
	if l.kafka, err = kgo.NewClient(append(options, kgo.TransactionalID(fmt.Sprint("zombie-", os.Getpid())))...); err != nil {
		return err
	}
	return l.write(ctx, append(l.last, l.decode.Changes...))
}

// start waits for the slot and begins at its position.
func (l *refPipeline) start(ctx context.Context, url string) (err error) {
	for {
		if l.conn, err = pgconn.Connect(ctx, url+"&replication=database"); err == nil {
			err = pglogrepl.StartReplication(ctx, l.conn, refSlot, 0, pglogrepl.StartReplicationOptions{
				PluginArgs: []string{"proto_version '1'", "publication_names 'ledger_reference'"},
			})
			if err == nil {
				return nil
			}
			_ = l.conn.Close(ctx)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// checkOwner checks that this process still has the slot. If it does not, it was stopped before it fenced the others, and
// has just fenced the one that has the slot.
func (l *refPipeline) checkOwner(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var pid uint32
	err = conn.QueryRow(ctx, "select coalesce(active_pid, 0) from pg_replication_slots where slot_name = $1", refSlot).Scan(&pid)
	if err == nil && pid != l.conn.PID() {
		err = fmt.Errorf("the slot is with process %d", pid)
	}
	return err
}

// relay receives the available messages, writes the changes and acknowledges them.
func (l *refPipeline) relay(ctx context.Context) error {
	atCommit := 0 // number of changes of complete transactions
	for begin := time.Now(); time.Since(begin) < 50*time.Millisecond || atCommit < len(l.decode.Changes); {
		complete, err := l.receive(ctx)
		if err != nil {
			return err
		}
		if complete {
			atCommit = len(l.decode.Changes)
		}
	}
	if l.bug == early {
		if err := l.acknowledge(ctx); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond) // so that the content of the topics at that moment can be seen
	}
	if l.bug == unfenced && len(l.decode.Changes) > 0 {
		l.last = l.decode.Changes
	}
	if err := l.write(ctx, l.decode.Changes); err != nil {
		return err
	}
	l.decode.Changes = nil
	return l.acknowledge(ctx)
}

// receive receives one message, if there is one, and reports whether a transaction has ended.
func (l *refPipeline) receive(ctx context.Context) (bool, error) {
	within, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	m, err := l.conn.ReceiveMessage(within)
	cancel()
	if pgconn.Timeout(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	data, ok := m.(*pgproto3.CopyData)
	if !ok {
		return false, fmt.Errorf("received %T", m)
	}
	switch data.Data[0] {
	case pglogrepl.PrimaryKeepaliveMessageByteID:
		k, err := pglogrepl.ParsePrimaryKeepaliveMessage(data.Data[1:])
		if err == nil && len(l.decode.Changes) == 0 {
			l.seen = max(l.seen, capture.LSN(k.ServerWALEnd))
		}
		if k.ReplyRequested {
			l.next = time.Time{}
		}
		return false, err
	case pglogrepl.XLogDataByteID:
		x, err := pglogrepl.ParseXLogData(data.Data[1:])
		if err != nil {
			return false, err
		}
		had := l.decode.Commit
		err = l.decode.Take(x.WALData)
		l.seen = max(l.seen, l.decode.Commit)
		return l.decode.Commit != had, err
	}
	return false, nil
}

func (l *refPipeline) write(ctx context.Context, changes []ledger.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if l.bug == skip {
		changes, l.bug = changes[1:], noBug
	}
	if err := l.kafka.BeginTransaction(); err != nil {
		return err
	}
	var failed error
	for _, c := range changes {
		records, err := c.Records()
		if err != nil {
			return err
		}
		for _, r := range records {
			l.kafka.Produce(ctx, &kgo.Record{Topic: prefix + c.Table, Key: []byte(r.Key), Value: r.Value},
				func(_ *kgo.Record, err error) { failed = errors.Join(failed, err) })
		}
	}
	if err := l.kafka.Flush(ctx); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return l.kafka.EndTransaction(ctx, kgo.TryCommit)
}

// acknowledge confirms the position seen, if it is new or a status update is due.
func (l *refPipeline) acknowledge(ctx context.Context) error {
	if l.seen == l.acked && time.Now().Before(l.next) {
		return nil
	}
	l.acked, l.next = l.seen, time.Now().Add(time.Second)
	at := pglogrepl.LSN(l.seen)
	return pglogrepl.SendStandbyStatusUpdate(ctx, l.conn, pglogrepl.StandbyStatusUpdate{
		WALWritePosition: at, WALFlushPosition: at, WALApplyPosition: at,
	})
}
