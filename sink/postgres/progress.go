package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// progress writes the lane's row in tailrace.progress: the first statement of every transaction, so that whoever opens
// the sink next waits for it or ends it, and a fenced Writer comes to know before it changes anything.
type progress struct {
	key    [][]byte // pipeline, sink, lane, owner
	origin []byte   // nil: it is recorded
	move   *statement
	fence  *statement // move, and an error where that has hit no row, for transactions that nobody looks at before they commit
	lock   *statement
}

func newProgress(key [][]byte, o capture.Origin) *progress {
	origin, err := json.Marshal(o)
	if err != nil {
		panic(err) // numbers and strings
	}
	const move = `UPDATE tailrace.progress SET position = $5::pg_catalog.pg_lsn, seq = $6::pg_catalog.int8,
			state = COALESCE($7::pg_catalog.bytea, state), origin = COALESCE($8::pg_catalog.jsonb, origin), updated_at = pg_catalog.now()
			WHERE pipeline = $1 AND sink = $2 AND lane = $3 AND owner = $4`
	return &progress{
		key: key, origin: origin,
		move:  &statement{sql: move},
		fence: &statement{sql: "WITH moved AS (" + move + " RETURNING 1) SELECT 1 / pg_catalog.count(*) FROM moved"},
		lock: &statement{sql: `UPDATE tailrace.progress SET updated_at = pg_catalog.now()
			WHERE pipeline = $1 AND sink = $2 AND lane = $3 AND owner = $4`},
	}
}

// params are those of the statements move and fence. state nil: it stays as it is.
func (p *progress) params(to capture.Position, state []byte) [][]byte {
	var text []byte
	if state != nil {
		text = hex.AppendEncode([]byte(`\x`), state)
	}
	return append(p.key[:4:4], to.LSN.Append(nil), strconv.AppendUint(nil, to.Seq, 10), text, p.origin)
}

// moveTo writes a position; sink.ErrFenced when the row is not ours any more.
func (p *progress) moveTo(ctx context.Context, db *conn, to capture.Position, state []byte) error {
	return owned(db.exec(ctx, p.move, p.params(to, state)))
}

// hold locks the row until the transaction ends.
func (p *progress) hold(ctx context.Context, db *conn) error {
	return owned(db.exec(ctx, p.lock, p.key))
}

func owned(rows int64, err error) error {
	if err != nil {
		return named("write progress", err)
	}
	if rows != 1 {
		return sink.ErrFenced
	}
	return nil
}

// unhex reads a bytea's text of encode(..., 'hex'); nil stays nil.
func unhex(text []byte) ([]byte, error) {
	if text == nil {
		return nil, nil
	}
	b, err := hex.AppendDecode(nil, text)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	return b, nil
}
