package capture

// ValueKind is the kind of a Value.
type ValueKind uint8

// The kinds of a Value. The zero Value is a null.
const (
	Null      ValueKind = iota // SQL NULL
	Text                       // Bytes is the text form, as Postgres printed it; it may be empty
	Unchanged                  // a TOASTed value that this update did not change, so Postgres did not send it
	Absent                     // not part of this row: an old row of which only the replica identity was sent
)

// Value is one column of one row. Its text stays as Postgres printed it: no number is parsed.
type Value struct {
	Kind  ValueKind
	Bytes []byte // belongs to the Batch, read only; nil unless Kind is Text
}

// String returns the text form, and "" for every other kind.
func (v Value) String() string { return string(v.Bytes) }
