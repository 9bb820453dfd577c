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

// edition says which rows of the catalogue make a publication what it is. Rows that were taken out and put back are other
// rows, so two looks tell whether changes between them are missing in the stream. docs/decisions/0007 has the rule.
type edition struct {
	publication uint32 // OID of its row
	xmin        uint32 // the transaction that wrote that row last
	owner       uint32 // OID; another one is no other publication
	options     uint32 // hash of what else that row says
	cut         bool   // there are too many tables to record
	tables      []membership
}

// membership is a table in an edition.
type membership struct {
	row        uint32 // OID of the row that makes it a member; it is never updated
	name       uint32 // hash of the table's name
	definition uint32 // hash of column list and filter
	member     member // what is hashed; in an edition that was read from a record it is empty
}

// maxRecorded is for how many tables a record names the rows, 16 bytes each: sinks write it many times a second.
const maxRecorded = 500

// edition is that of a definition.
func (d *definition) edition() edition {
	e := edition{
		publication: d.oid, xmin: d.xmin, owner: d.owner, options: hash(fmt.Sprint(d.All, d.Publish, d.ViaRoot, d.Stored)),
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

func hash(words ...string) uint32 {
	h := fnv.New32a()
	for _, w := range words {
		_, _ = h.Write(append([]byte(w), 0)) // never fails
	}
	return h.Sum32()
}

// editionHead is how many bytes of an edition stand before its tables.
const editionHead = 16

// editionVersion begins the text of an edition; a text that begins otherwise is not known.
const editionVersion = "1."

// String is the edition as sinks record it.
func (e *edition) String() string {
	b := binary.BigEndian.AppendUint32(nil, e.publication)
	b = binary.BigEndian.AppendUint32(b, e.xmin)
	b = binary.BigEndian.AppendUint32(b, e.owner)
	b = binary.BigEndian.AppendUint32(b, e.options)
	if e.cut || len(e.tables) > maxRecorded {
		b = append(b, 1) // by its length it is not a whole edition
		return editionVersion + base64.RawStdEncoding.EncodeToString(b)
	}
	for _, t := range e.tables {
		b = binary.BigEndian.AppendUint32(b, t.row)
		b = binary.BigEndian.AppendUint32(b, t.name)
		b = binary.BigEndian.AppendUint32(b, t.definition)
	}
	return editionVersion + base64.RawStdEncoding.EncodeToString(b)
}

// parseEdition reads what String wrote; known is false for everything else, such as a record from before.
func parseEdition(text string) (e edition, known bool) {
	text, known = strings.CutPrefix(text, editionVersion)
	b, err := base64.RawStdEncoding.DecodeString(text)
	if !known || err != nil || len(b) < editionHead {
		return edition{}, false
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }
	e = edition{publication: word(0), xmin: word(1), owner: word(2), options: word(3), cut: len(b) == editionHead+1}
	if (len(b)-editionHead)%12 != 0 && !e.cut {
		return edition{}, false
	}
	for i := editionHead / 4; !e.cut && 4*i < len(b); i += 3 {
		e.tables = append(e.tables, membership{row: word(i), name: word(i + 1), definition: word(i + 2)})
	}
	return e, true
}

// altered says what somebody else did to the publication since it was an earlier edition, such that changes are missing; nil
// when nothing is. deliberate: another definition is the word of the file or of the administrator.
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
			continue // it has been there all the time, or is new
		}
		if t.definition == before.definition || !deliberate {
			what = append(what, t.member.String()+" was taken out and put back")
		}
	}
	return what
}

// gone are the members of an earlier edition that are none any more.
func (e *edition) gone(was *edition) (gone []member) {
	rows, names := e.index()
	for i := range was.tables {
		if t := &was.tables[i]; !rows[t.row] && names[t.name] == nil {
			gone = append(gone, t.member)
		}
	}
	return gone
}

// holds says whether all of these tables are members by themselves.
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

// mark stands for the publication's edition in a short text that is cheap to read; "" when there is no publication.
func (c *Config) mark(ctx context.Context, conn *pgx.Conn) (mark string, err error) {
	schemas := "NULL"
	if major(conn.PgConn()) >= 15 {
		schemas = "(SELECT sum(hashint8extended(oid::bigint, 0)) FROM pg_publication_namespace WHERE pnpubid = p.oid)"
	}
	err = conn.QueryRow(ctx, `SELECT coalesce((SELECT concat_ws(' ', p.oid, p.xmin,
			(SELECT sum(hashint8extended(oid::bigint, 0)) FROM pg_publication_rel WHERE prpubid = p.oid), `+schemas+`)
		FROM pg_publication p WHERE pubname = $1), '')`, c.Publication).Scan(&mark)
	if err != nil {
		err = c.named("read publication "+c.Publication, err)
	}
	return mark, err
}
