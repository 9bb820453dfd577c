package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// progress writes the lane's row in tailrace.progress, in the first statement of every transaction. So the next process that opens
// the sink waits for the transaction or terminates it, and a fenced Writer fails before it changes anything.
type progress struct {
	key    [][]byte // pipeline, sink, lane, owner
	origin []byte   // nil when it is recorded already
	move   *dml.Statement
	fence  *dml.Statement // move, with an error when no row is affected, for transactions whose results are not checked before COMMIT
	lock   *dml.Statement

	mu sync.Mutex
	at capture.Position // the row has this position or a later one
}

// record records the position of the row.
func (p *progress) record(at capture.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = at
}

// lowerTo records, before the row is rewritten, that it may have an earlier position.
func (p *progress) lowerTo(at capture.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.Before(p.at) {
		p.at = at
	}
}

// lowest returns a position that the row must have reached.
func (p *progress) lowest() capture.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func newProgress(key [][]byte, o capture.Origin) *progress {
	origin, err := json.Marshal(o)
	if err != nil {
		panic(err) // does not happen for numbers and strings
	}
	const move = `UPDATE tailrace.progress SET position = $5::pg_catalog.pg_lsn, seq = $6::pg_catalog.int8,
			state = COALESCE($7::pg_catalog.bytea, state), origin = COALESCE($8::pg_catalog.jsonb, origin),
			commit_lsn = COALESCE($9::pg_catalog.pg_lsn, commit_lsn), commit_xid = COALESCE($10::pg_catalog.int8, commit_xid),
			commit_time = COALESCE($11::pg_catalog.timestamptz, commit_time), updated_at = pg_catalog.now()
			WHERE pipeline = $1 AND sink = $2 AND lane = $3 AND owner = $4`
	return &progress{
		key: key, origin: origin,
		move:  &dml.Statement{SQL: move},
		fence: &dml.Statement{SQL: "WITH moved AS (" + move + " RETURNING 1) SELECT 1 / pg_catalog.count(*) FROM moved"},
		lock: &dml.Statement{SQL: `UPDATE tailrace.progress SET updated_at = pg_catalog.now()
			WHERE pipeline = $1 AND sink = $2 AND lane = $3 AND owner = $4`},
	}
}

// params returns the parameters of move and fence for the end of a group. Columns that the group has no value for stay unchanged.
func (p *progress) params(g *queue.Group) [][]byte {
	params := append(p.key[:4:4], g.End.LSN.Append(nil), strconv.AppendUint(nil, g.End.Seq, 10), bytea(g.State), p.origin)
	return append(params, commitText(g.Last)...)
}

// bytea encodes a state as the text of a bytea; nil stays nil.
func bytea(state []byte) []byte {
	if state == nil {
		return nil
	}
	return hex.AppendEncode([]byte(`\x`), state)
}

// commitText encodes a commit as commitOf reads it, as nulls when it is zero.
func commitText(c capture.Commit) [][]byte {
	if c.IsZero() {
		return [][]byte{nil, nil, nil}
	}
	var at []byte
	if !c.Time.IsZero() {
		at = c.Time.UTC().AppendFormat(nil, "2006-01-02 15:04:05.999999Z07:00")
	}
	return [][]byte{c.LSN.Append(nil), strconv.AppendUint(nil, c.XID, 10), at}
}

// moveTo writes the end of a group. It returns sink.ErrFenced when another process owns the row.
func (p *progress) moveTo(ctx context.Context, db *dml.Conn, g *queue.Group) error {
	return owned(db.Exec(ctx, p.move, p.params(g)))
}

// rewrite replaces the contents of the row; a nil state leaves the state unchanged.
func (p *progress) rewrite(ctx context.Context, db *dml.Conn, to sink.Progress) error {
	p.lowerTo(to.Position)
	texts := make([][]byte, 2)
	for i, v := range []any{to.Origin, to.Verdict} {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode progress: %w", err)
		}
		if texts[i] = b; string(b) == "null" {
			texts[i] = nil
		}
	}
	params := append(p.key[:4:4], to.Position.LSN.Append(nil), strconv.AppendUint(nil, to.Position.Seq, 10))
	return owned(db.Exec(ctx, &dml.Statement{SQL: `UPDATE tailrace.progress SET position = $5::pg_catalog.pg_lsn, seq = $6::pg_catalog.int8,
		origin = $7::pg_catalog.jsonb, verdict = $8::pg_catalog.jsonb, commit_lsn = $9::pg_catalog.pg_lsn,
		commit_xid = $10::pg_catalog.int8, commit_time = $11::pg_catalog.timestamptz,
		state = COALESCE($12::pg_catalog.bytea, state), updated_at = pg_catalog.now()
		WHERE pipeline = $1 AND sink = $2 AND lane = $3 AND owner = $4`},
		append(append(append(params, texts...), commitText(to.Commit)...), bytea(to.State))))
}

// lockRow locks the row until the transaction ends.
func (p *progress) lockRow(ctx context.Context, db *dml.Conn) error {
	return owned(db.Exec(ctx, p.lock, p.key))
}

// check reads the row again. It returns sink.ErrFenced when another process owns it, and an error when its position went back.
func (p *progress) check(ctx context.Context, db *dml.Conn) error {
	rows, err := db.Query(ctx, `SELECT COALESCE(position, '0/0')::pg_catalog.text, COALESCE(seq, 0)::pg_catalog.text FROM tailrace.progress
		WHERE pipeline = $1 AND sink = $2 AND lane = $3 AND owner = $4`, p.key...)
	if err != nil {
		return named("read progress", err)
	}
	if len(rows) == 0 {
		return sink.ErrFenced
	}
	var now capture.Position
	if now.LSN, err = capture.ParseLSN(string(rows[0][0])); err != nil {
		return fmt.Errorf("read progress: %w", err)
	}
	if now.Seq, err = strconv.ParseUint(string(rows[0][1]), 10, 64); err != nil {
		return fmt.Errorf("read progress: %w", err)
	}
	if least := p.lowest(); now.Before(least) { // read after the row, since rewrite may lower it
		return fmt.Errorf("the target had everything up to %s, and its progress is %s now: it was restored to an older state", least, now)
	}
	return nil
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

// unhex decodes what encode(..., 'hex') printed; nil stays nil.
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
