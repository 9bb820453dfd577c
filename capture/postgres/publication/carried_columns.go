package publication

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// carried lists the columns that the stream carries of a table. An unmanaged publication may stop carrying some of them,
// through a column list or publish_generated_columns = none. A replica would keep stale values in them, and consumers would
// miss them.
type carried struct {
	table   uint32 // OID
	columns bitmap
}

// bitmap is a set of column numbers, which a table never reuses: bit 0 of byte 0 is column 1.
type bitmap []byte

func (b *bitmap) set(n int16) {
	for len(*b) <= int(n-1)/8 {
		*b = append(*b, 0)
	}
	(*b)[(n-1)/8] |= 1 << ((n - 1) % 8)
}

func (b bitmap) has(n int16) bool { return int(n-1)/8 < len(b) && b[(n-1)/8]&(1<<((n-1)%8)) != 0 }

// without returns the numbers in b that are not in other.
func (b bitmap) without(other bitmap) (numbers []int16) {
	for n := int16(1); int(n) <= 8*len(b); n++ {
		if b.has(n) && !other.has(n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// carriedBy returns the columns that a publication carries of its tables.
func carriedBy(tables []Table) (all []carried) {
	for i := range tables {
		c := carried{table: tables[i].OID}
		for _, n := range tables[i].numbers {
			c.columns.set(n)
		}
		all = append(all, c)
	}
	return all
}

// appendCarried encodes tables: OID, length of the bitmap, bitmap.
func appendCarried(b []byte, all []carried) []byte {
	for _, c := range all {
		b = binary.BigEndian.AppendUint32(b, c.table)
		b = append(append(b, byte(len(c.columns))), c.columns...) // 1600 columns are 200 bytes
	}
	return b
}

// parseCarried decodes the output of appendCarried.
func parseCarried(b []byte) (all []carried, ok bool) {
	for len(b) > 0 {
		if len(b) < 5 || len(b) < 5+int(b[4]) {
			return nil, false
		}
		n := 5 + int(b[4])
		all = append(all, carried{table: binary.BigEndian.Uint32(b), columns: bitmap(b[5:n])})
		b = b[n:]
	}
	return all, true
}

// uncarried describes the tables of which an earlier fingerprint carried columns that this one does not, although both fingerprints
// publish the table and the columns still exist.
func (k *Keeper) uncarried(ctx context.Context, now, was *Fingerprint) (what []string, err error) {
	for _, before := range was.carried {
		i := slices.IndexFunc(now.carried, func(c carried) bool { return c.table == before.table })
		if i < 0 {
			continue
		}
		lost := before.columns.without(now.carried[i].columns)
		if len(lost) == 0 {
			continue
		}
		var table string
		var columns []string
		err := k.control(ctx, func(c *pgx.Conn) error {
			return c.QueryRow(ctx, `SELECT n.nspname || '.' || t.relname, ARRAY(SELECT attname::text FROM pg_attribute
					WHERE attrelid = t.oid AND attnum = ANY ($2) AND NOT attisdropped ORDER BY attnum)
				FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = $1`, before.table, lost).Scan(&table, &columns)
		})
		if err != nil {
			return nil, problem.Named("find columns that are not published any more", err)
		}
		if len(columns) > 0 {
			what = append(what, fmt.Sprintf("of %s it leaves out %s, which it had", table, strings.Join(columns, ", ")))
		}
	}
	return what, nil
}
