package postgres

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// edition identifies the catalogue rows that define a publication. A table that was removed and added again has new rows,
// so two editions show whether changes between them are missing in the stream. docs/decisions/0007 has the rule.
type edition struct {
	publication uint32 // OID of its row
	xmin        uint32 // the last transaction that wrote the row
	owner       uint32 // OID; a new owner does not make it another publication
	options     uint32 // hash of the rest of that row
	cut         bool   // there are too many tables to record
	wide        bool   // all tables of schemas, or of the database, are members
	tables      []membership
	dropped     []membership // names without a published table, see Source.dropped; the text has them among tables
	carried     []carried    // of an unmanaged publication; nil: unknown, or defined by the file
}

// membership is a table in an edition.
type membership struct {
	row        uint32 // OID of the row that makes it a member; it is never updated
	name       uint32 // hash of the table's name
	definition uint32 // hash of column list and filter
	member     member // what is hashed; empty in an edition that was read from a record
}

// maxRecorded is the number of tables up to which a record lists the rows, 16 bytes per table: sinks write it many times
// per second.
const maxRecorded = 500

// edition returns the edition of a definition.
func (d *definition) edition() edition {
	e := edition{
		publication: d.oid, xmin: d.xmin, owner: d.owner, options: hash(fmt.Sprint(d.All, d.Publish, d.ViaRoot, d.Stored)),
		wide: d.All || len(d.Schemas) > 0,
	}
	for _, ms := range [][]member{d.Schemas, d.Tables} {
		for _, m := range ms {
			e.tables = append(e.tables, membership{
				row: m.row, name: hash(m.Schema, m.Name), definition: hash(append([]string{m.Where}, m.Columns...)...), member: m,
			})
		}
	}
	return e
}

// membersOf returns the tables of memberships.
func membersOf(all []membership) (ms []member) {
	for _, t := range all {
		ms = append(ms, t.member)
	}
	return ms
}

func hash(words ...string) uint32 {
	h := fnv.New32a()
	for _, w := range words {
		_, _ = h.Write(append([]byte(w), 0)) // never fails
	}
	return h.Sum32()
}

// editionHead is the number of bytes of an edition before its tables.
const editionHead = 16

// cutTail is the number of bytes after the head of an edition with too many tables: a mark of two bytes, and the digest of
// the tables. A list of tables never has this length, nor a length a few bytes above it.
const cutTail = 10

// digest returns a hash of all tables of an edition. Different editions practically never have the same digest.
func (e *edition) digest() uint64 {
	h := fnv.New64a()
	for i := range e.tables {
		t := &e.tables[i]
		_ = binary.Write(h, binary.BigEndian, [3]uint32{t.row, t.name, t.definition}) // never fails
	}
	return h.Sum64()
}

// editionVersion is the prefix of the text of an edition; a text with another prefix is unknown.
const editionVersion = "1."

// String returns the edition as sinks record it.
func (e *edition) String() string {
	b := binary.BigEndian.AppendUint32(nil, e.publication)
	b = binary.BigEndian.AppendUint32(b, e.xmin)
	b = binary.BigEndian.AppendUint32(b, e.owner)
	b = binary.BigEndian.AppendUint32(b, e.options)
	if e.cut || len(e.tables)+len(e.dropped) > maxRecorded {
		b = binary.BigEndian.AppendUint64(append(b, 1, 0), e.digest()) // its length distinguishes it from a complete edition
		return editionVersion + base64.RawStdEncoding.EncodeToString(b)
	}
	for _, t := range slices.Concat(e.tables, e.dropped) {
		b = binary.BigEndian.AppendUint32(b, t.row)
		b = binary.BigEndian.AppendUint32(b, t.name)
		b = binary.BigEndian.AppendUint32(b, t.definition)
	}
	text := editionVersion + base64.RawStdEncoding.EncodeToString(b)
	if len(e.carried) > 0 && len(e.carried) <= maxRecorded {
		text += "." + base64.RawStdEncoding.EncodeToString(appendCarried(nil, e.carried))
	}
	return text
}

// parseEdition parses the output of String; known is false for everything else, such as a record of an older version.
func parseEdition(text string) (e edition, known bool) {
	text, known = strings.CutPrefix(text, editionVersion)
	text, columns, _ := strings.Cut(text, ".")
	b, err := base64.RawStdEncoding.DecodeString(text)
	if !known || err != nil || len(b) < editionHead {
		return edition{}, false
	}
	c, err := base64.RawStdEncoding.DecodeString(columns)
	all, ok := parseCarried(c)
	if err != nil || !ok {
		return edition{}, false
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }
	e = edition{publication: word(0), xmin: word(1), owner: word(2), options: word(3), cut: len(b) == editionHead+cutTail || len(b) == editionHead+1}
	e.carried = all
	if (len(b)-editionHead)%12 != 0 && !e.cut {
		return edition{}, false
	}
	for i := editionHead / 4; !e.cut && 4*i < len(b); i += 3 {
		e.tables = append(e.tables, membership{row: word(i), name: word(i + 1), definition: word(i + 2)})
	}
	return e, true
}

// altered describes how another session altered the publication since an earlier edition such that changes are missing; nil
// when none are. deliberate: a changed definition was intended by the file or the administrator.
func (e *edition) altered(was *edition, deliberate bool) (what []string) {
	if e.publication != was.publication {
		return []string{"it is another one: it was dropped and made again"}
	}
	switch {
	case e.xmin == was.xmin:
	case e.options != was.options && !deliberate:
		what = append(what, "its options were changed")
	case e.options == was.options && e.owner == was.owner:
		what = append(what, "its options were changed and changed back")
	}
	rows, names := was.index()
	for i := range e.tables {
		t := &e.tables[i]
		before := names[t.name]
		if rows[t.row] || before == nil {
			continue // it has been a member all the time, or is new
		}
		if t.definition == before.definition || !deliberate {
			what = append(what, t.member.String()+" was taken out and put back")
		}
	}
	return what
}

// gone returns the members of an earlier edition whose names no member has any more, including those that were dropped
// since then.
func (e *edition) gone(was *edition) (gone []member) {
	_, names := e.index()
	for _, t := range slices.Concat(was.tables, was.dropped) {
		if names[t.name] == nil {
			gone = append(gone, t.member)
		}
	}
	return gone
}

// holds reports whether all of these tables are listed as members themselves.
func (e *edition) holds(ts []*target) bool {
	members := map[uint32]bool{}
	for i := range e.tables {
		if m := &e.tables[i].member; m.Name != "" {
			members[m.oid] = true
		}
	}
	return !slices.ContainsFunc(ts, func(t *target) bool { return !members[t.OID] })
}

func (e *edition) index() (rows map[uint32]bool, names map[uint32]*membership) {
	rows, names = map[uint32]bool{}, map[uint32]*membership{}
	for i := range e.tables {
		t := &e.tables[i]
		rows[t.row], names[t.name] = true, t
	}
	return rows, names
}

// mark returns a short text that identifies the publication's edition and is cheap to read; "" when there is no
// publication.
func (c *Config) mark(ctx context.Context, conn *pgx.Conn) (mark string, err error) {
	schemas := "NULL"
	if major(conn.PgConn()) >= 15 {
		schemas = "(SELECT sum(hashint8extended(oid::bigint, 0)) FROM pg_publication_namespace WHERE pnpubid = p.oid)"
	}
	err = conn.QueryRow(ctx, `SELECT coalesce((SELECT concat_ws(' ', p.oid, p.xmin,
			(SELECT sum(hashint8extended(pr.oid::bigint, hashtextextended(n.nspname || '.' || t.relname, 0))) FROM pg_publication_rel pr
				JOIN pg_class t ON t.oid = pr.prrelid JOIN pg_namespace n ON n.oid = t.relnamespace WHERE prpubid = p.oid), `+schemas+`)
		FROM pg_publication p WHERE pubname = $1), '')`, c.Publication).Scan(&mark)
	if err != nil {
		err = c.named("read publication "+c.Publication, err)
	}
	return mark, err
}
