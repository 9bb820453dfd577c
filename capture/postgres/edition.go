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
	dropped     []membership // names without a published table, see Source.dropped; the text has them among tables
	carried     []carried    // of an administrator's publication; nil: not known, or the file says it
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

// membersOf are the tables of memberships.
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

// editionHead is how many bytes of an edition stand before its tables.
const editionHead = 16

// cutTail is how many bytes follow the head of an edition with too many tables: a mark of two bytes, and the digest of them.
// Neither it nor it with a few bytes more is as long as a number of tables.
const cutTail = 10

// digest stands for all tables of an edition: equal editions have equal digests, and others as good as never.
func (e *edition) digest() uint64 {
	h := fnv.New64a()
	for i := range e.tables {
		t := &e.tables[i]
		_ = binary.Write(h, binary.BigEndian, [3]uint32{t.row, t.name, t.definition}) // never fails
	}
	return h.Sum64()
}

// editionVersion begins the text of an edition; a text that begins otherwise is not known.
const editionVersion = "1."

// String is the edition as sinks record it.
func (e *edition) String() string {
	b := binary.BigEndian.AppendUint32(nil, e.publication)
	b = binary.BigEndian.AppendUint32(b, e.xmin)
	b = binary.BigEndian.AppendUint32(b, e.owner)
	b = binary.BigEndian.AppendUint32(b, e.options)
	if e.cut || len(e.tables)+len(e.dropped) > maxRecorded {
		b = binary.BigEndian.AppendUint64(append(b, 1, 0), e.digest()) // by its length it is not a whole edition
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

// parseEdition reads what String wrote; known is false for everything else, such as a record from before.
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

// gone are the members of an earlier edition under whose names there are none any more, also those that were dropped since then.
func (e *edition) gone(was *edition) (gone []member) {
	_, names := e.index()
	for _, t := range slices.Concat(was.tables, was.dropped) {
		if names[t.name] == nil {
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
			(SELECT sum(hashint8extended(pr.oid::bigint, hashtextextended(n.nspname || '.' || t.relname, 0))) FROM pg_publication_rel pr
				JOIN pg_class t ON t.oid = pr.prrelid JOIN pg_namespace n ON n.oid = t.relnamespace WHERE prpubid = p.oid), `+schemas+`)
		FROM pg_publication p WHERE pubname = $1), '')`, c.Publication).Scan(&mark)
	if err != nil {
		err = c.named("read publication "+c.Publication, err)
	}
	return mark, err
}
