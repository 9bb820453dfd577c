package decode

import "github.com/jackc/pgx/v5/pgtype"

// The server stores a value outside of its row only when that makes the row smaller: when the value, with a header of 4 bytes, is longer
// than the pointer that replaces it, which takes 24 bytes with its alignment (toast_tuple_find_biggest_attribute). So a value of at
// most 20 bytes is always in its row, and an update sends it.
const longestInline = 20

// stored is how values of a type are stored.
type stored struct {
	length   int16  // of every value; -1: it varies
	base     uint32 // of a domain, else 0
	modifier int32  // of the base
}

// inline reports whether the values of a column are never stored outside of their row, in rows of any age. It does not ask for the
// column's storage: SET STORAGE PLAIN leaves the values of older rows where they are. A type that has such values is only replaced by
// one that has not when the table is rewritten, and the size of a type with a length is bounded in each encoding.
func (s typeSet) inline(oid uint32, modifier int32) bool {
	t, known := s.stored[oid]
	for known && t.base != 0 {
		oid, modifier = t.base, t.modifier
		t, known = s.stored[oid]
	}
	return known && (t.length > 0 || FitsInRow(oid, modifier))
}

// FitsInRow reports whether the values of a type with a variable length are too short to be stored outside of their row.
func FitsInRow(oid uint32, modifier int32) bool { return longest(oid, modifier) <= longestInline }

// longest returns the maximum size of the values of a type with a variable length, in bytes without their header. For a type without
// a bound it returns a large number.
func longest(oid uint32, modifier int32) int {
	const (
		unbounded    = 1 << 30
		header       = 4 // that the modifier of a text or numeric type includes
		perCharacter = 4 // bytes at most, in every encoding
	)
	switch oid {
	case pgtype.InetOID, pgtype.CIDROID:
		return 18 // family, prefix, 16 bytes
	case pgtype.Int4rangeOID, pgtype.DaterangeOID:
		return 13 // type, two bounds, flags
	}
	if modifier < 0 {
		return unbounded
	}
	switch oid {
	case pgtype.VarcharOID, pgtype.BPCharOID:
		return int(modifier-header) * perCharacter
	case pgtype.BitOID, pgtype.VarbitOID:
		return 4 + (int(modifier)+7)/8
	case pgtype.NumericOID:
		return longestNumeric(int(modifier-header)>>16&0xffff, int((modifier-header)&0x7ff^0x400)-0x400)
	}
	return unbounded
}

// longestNumeric returns the maximum size of a numeric value: groups of four digits, left and right of the decimal point.
func longestNumeric(precision, scale int) int {
	groups := precision/4 + 2 // a scale outside of the digits does not align with the groups
	if scale >= 0 && scale <= precision {
		groups = (precision-scale+3)/4 + (scale+3)/4
	}
	return 4 + 2*groups
}
