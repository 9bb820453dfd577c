package decode

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/bufpool"
)

// maxPrefixes limits how many prefixes keep their table.
const maxPrefixes = 1000

// textType is the type of the content of a message.
var textType = &capture.Type{OID: pgtype.TextOID, Schema: "pg_catalog", Name: "text"}

// Messages has what the logical messages of a stream share. It lives as long as the source, over all its connections, so that a
// prefix keeps its table. One goroutine uses it.
type Messages struct {
	annotations string // the prefix of the messages that annotate their transaction; "": none do
	ignored     func(tx *capture.Tx, why string)
	tables      map[string]*capture.Table // by prefix
	last        *capture.Table            // of the last message; nil: there was none
}

// NewMessages creates Messages. A message with the prefix annotations annotates the rest of its transaction; "": none does. ignored is
// called for each of them that is no annotation.
func NewMessages(annotations string, ignored func(tx *capture.Tx, why string)) *Messages {
	return &Messages{annotations: annotations, ignored: ignored, tables: map[string]*capture.Table{}}
}

// table returns the table that stands for the messages with a prefix.
func (m *Messages) table(prefix []byte) *capture.Table {
	if m.last != nil && m.last.Name == string(prefix) {
		return m.last
	}
	t := m.tables[string(prefix)]
	if t == nil {
		if len(m.tables) >= maxPrefixes {
			clear(m.tables)
		}
		t = &capture.Table{
			Name:    string(prefix),
			Columns: []capture.Column{{Name: "content", Type: textType, Modifier: -1, Inline: true}},
		}
		m.tables[t.Name] = t
	}
	m.last = t
	return t
}

// message adds a message of the transaction. Every one counts in the transaction's Seq, so that the ids of its changes do not depend on
// which messages a file uses. A message that is not transactional is none of the transaction's: the server sends it at once, and it
// survives a rollback, so it is skipped.
func (a *Assembler) message(body []byte, own *bufpool.Buffer) error {
	var m pgoutput.Message
	if err := m.Decode(body); err != nil || !m.Transactional || a.options.Messages == nil {
		own.Release()
		return err
	}
	if a.tx == nil {
		return fmt.Errorf("read change: a transactional message outside of a transaction")
	}
	t := a.options.Messages.table(m.Prefix)
	text, slab, bytes := a.keep(m.Content, own)
	content := slab.Take(1)
	content[0] = capture.Value{Kind: capture.Text, Bytes: text}
	if prefix := a.options.Messages.annotations; prefix != "" && t.Name == prefix {
		a.annotate(text)
	}
	a.append(capture.Change{Op: capture.Message, Table: t, After: content}, bytes+changeCost+valueCost)
	if m.LSN == a.at {
		return a.place()
	}
	return nil
}

// place moves a message, which is the last change, before the changes with the same position. The server orders the changes of a
// transaction and its savepoints by their positions in the log. That of a row is the start of its record, and that of a message the
// end of its own, which is the start of the next one. So when the two are in different savepoints, the server may send first what
// follows the message.
func (a *Assembler) place() error {
	all := a.batch.Changes
	last := len(all) - 1
	if a.first < a.cut {
		return fmt.Errorf("read change: changes that follow a message were handed over before it")
	}
	i := last // rows that are not delivered have a Seq too
	for i > 0 && all[i-1].Tx.Same(a.tx) && all[i-1].Seq >= a.first {
		i--
	}
	message := all[last]
	copy(all[i+1:], all[i:last])
	all[i] = message
	all[i].Seq = a.first
	for k := i; k <= last; k++ {
		if all[k].Tx = a.tx; k > i {
			all[k].Seq++
		}
	}
	return nil
}

// annotate gives the message itself and the changes that follow in the transaction, of which there may be none, a Tx with the
// annotations in content, over those that it has. A new Tx has memory of its own: that of newTx is shared by many.
func (a *Assembler) annotate(content []byte) {
	merged, err := merge(a.tx.Annotations, content)
	if err != nil {
		a.options.Messages.ignored(a.tx, err.Error())
		return
	}
	tx := *a.tx
	tx.Annotations = merged
	a.tx = &tx
	a.batch.Bytes += len(merged)
}
