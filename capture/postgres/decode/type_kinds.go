package decode

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tailrace/tailrace/capture"
)

// kinds maps the built-in types that are more than text. Their OIDs are the same in every database.
var kinds = map[uint32]capture.TypeKind{
	pgtype.BoolOID:        capture.KindBool,
	pgtype.Int2OID:        capture.KindInt,
	pgtype.Int4OID:        capture.KindInt,
	pgtype.Int8OID:        capture.KindInt,
	pgtype.Float4OID:      capture.KindFloat,
	pgtype.Float8OID:      capture.KindFloat,
	pgtype.NumericOID:     capture.KindNumeric,
	moneyOID:              capture.KindMoney,
	pgtype.ByteaOID:       capture.KindBytes,
	pgtype.JSONOID:        capture.KindJSON,
	pgtype.JSONBOID:       capture.KindJSON,
	pgtype.DateOID:        capture.KindDate,
	pgtype.TimestampOID:   capture.KindTimestamp,
	pgtype.TimestamptzOID: capture.KindTimestampTZ,
	pgtype.IntervalOID:    capture.KindInterval,
}

const moneyOID = 790

// typeRow is a type as read from the catalogue.
type typeRow struct {
	oid          uint32
	schema, name string
	class        string // pg_type.typtype
	length       int16  // pg_type.typlen
	extension    string // the extension that it belongs to
	base         uint32 // of a domain, else 0
	elem         uint32 // of an array, else 0
	part         uint32 // the subtype of a range, the range of a multirange, else 0
	delim        string
	modifier     int32  // of a domain's base
	collation    string // of a domain or a range
	required     bool   // of a domain
	checks       []string
	labels       []string // of an enum
	numbers      []uint32 // of the labels
	read         time.Time
	operators    string // of a range
	multi        string // of a range

	fields     []string // of a composite
	fieldNums  []int16
	fieldTypes []uint32
	fieldMods  []int32
	fieldOrder []string // collations
}
