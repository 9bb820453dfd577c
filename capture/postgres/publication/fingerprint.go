package publication

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Fingerprint identifies the catalogue rows that define a publication. A table that was removed and added again has new rows,
// so two fingerprints show whether changes between them are missing in the stream. docs/decisions/0007 has the rule.
type Fingerprint struct {
	publication uint32 // OID of its row
	xmin        uint32 // the last transaction that wrote the row
	owner       uint32 // OID; a new owner does not make it another publication
	options     uint32 // hash of the rest of that row
	cut         bool   // there are too many tables to record
	wide        bool   // all tables of schemas, or of the database, are members
	tables      []membership
	dropped     []membership // names without a published table, see Keeper.dropped; the text has them among tables
	carried     []carried    // of an unmanaged publication; nil: unknown, or defined by the file
}

// membership is a table in a fingerprint.
type membership struct {
	row        uint32 // OID of the row that makes it a member; it is never updated
	name       uint32 // hash of the table's name
	definition uint32 // hash of column list and filter
	member     Member // what is hashed; empty in a fingerprint that was read from a record
}

// maxRecorded is the number of tables up to which a record lists the rows, 16 bytes per table: sinks write it many times
// per second.
const maxRecorded = 500

// fingerprint returns the fingerprint of a definition.
func (d *definition) fingerprint() Fingerprint {
	f := Fingerprint{
		publication: d.oid, xmin: d.xmin, owner: d.owner, options: hash(fmt.Sprint(d.All, d.Publish, d.ViaRoot, d.Stored)),
		wide: d.All || len(d.Schemas) > 0,
	}
	for _, ms := range [][]Member{d.Schemas, d.Tables} {
		for _, m := range ms {
			f.tables = append(f.tables, membership{
				row: m.row, name: hash(m.Schema, m.Name), definition: hash(append([]string{m.Where}, m.Columns...)...), member: m,
			})
		}
	}
	return f
}

// membersOf returns the tables of memberships.
func membersOf(all []membership) (ms []Member) {
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

// fingerprintHead is the number of bytes of a fingerprint before its tables.
const fingerprintHead = 16

// cutTail is the number of bytes after the head of a fingerprint with too many tables: a mark of two bytes, and the digest of
// the tables. A list of tables never has this length, nor a length a few bytes above it.
const cutTail = 10

// digest returns a hash of all tables of a fingerprint. Different fingerprints practically never have the same digest.
func (f *Fingerprint) digest() uint64 {
	h := fnv.New64a()
	for i := range f.tables {
		t := &f.tables[i]
		_ = binary.Write(h, binary.BigEndian, [3]uint32{t.row, t.name, t.definition}) // never fails
	}
	return h.Sum64()
}

// fingerprintVersion is the prefix of the text of a fingerprint; a text with another prefix is unknown.
const fingerprintVersion = "1."

// String returns the fingerprint as sinks record it.
func (f *Fingerprint) String() string {
	b := binary.BigEndian.AppendUint32(nil, f.publication)
	b = binary.BigEndian.AppendUint32(b, f.xmin)
	b = binary.BigEndian.AppendUint32(b, f.owner)
	b = binary.BigEndian.AppendUint32(b, f.options)
	if f.cut || len(f.tables)+len(f.dropped) > maxRecorded {
		b = binary.BigEndian.AppendUint64(append(b, 1, 0), f.digest()) // its length distinguishes it from a complete fingerprint
		return fingerprintVersion + base64.RawStdEncoding.EncodeToString(b)
	}
	for _, t := range slices.Concat(f.tables, f.dropped) {
		b = binary.BigEndian.AppendUint32(b, t.row)
		b = binary.BigEndian.AppendUint32(b, t.name)
		b = binary.BigEndian.AppendUint32(b, t.definition)
	}
	text := fingerprintVersion + base64.RawStdEncoding.EncodeToString(b)
	if len(f.carried) > 0 && len(f.carried) <= maxRecorded {
		text += "." + base64.RawStdEncoding.EncodeToString(appendCarried(nil, f.carried))
	}
	return text
}

// parseFingerprint parses the output of String; known is false for everything else, such as a record of an older version.
func parseFingerprint(text string) (f Fingerprint, known bool) {
	text, known = strings.CutPrefix(text, fingerprintVersion)
	text, columns, _ := strings.Cut(text, ".")
	b, err := base64.RawStdEncoding.DecodeString(text)
	if !known || err != nil || len(b) < fingerprintHead {
		return Fingerprint{}, false
	}
	c, err := base64.RawStdEncoding.DecodeString(columns)
	all, ok := parseCarried(c)
	if err != nil || !ok {
		return Fingerprint{}, false
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }
	f = Fingerprint{publication: word(0), xmin: word(1), owner: word(2), options: word(3), cut: len(b) == fingerprintHead+cutTail || len(b) == fingerprintHead+1}
	f.carried = all
	if (len(b)-fingerprintHead)%12 != 0 && !f.cut {
		return Fingerprint{}, false
	}
	for i := fingerprintHead / 4; !f.cut && 4*i < len(b); i += 3 {
		f.tables = append(f.tables, membership{row: word(i), name: word(i + 1), definition: word(i + 2)})
	}
	return f, true
}

// AlteredSince describes how another session altered the publication since a sink recorded a fingerprint; nil: not at all,
// or the record is not known.
func (f *Fingerprint) AlteredSince(recorded string) []string {
	was, known := parseFingerprint(recorded)
	if !known {
		return nil
	}
	return f.altered(&was, true)
}

// altered describes how another session altered the publication since an earlier fingerprint such that changes are missing; nil
// when none are. deliberate: a changed definition was intended by the file or the administrator.
func (f *Fingerprint) altered(was *Fingerprint, deliberate bool) (what []string) {
	if f.publication != was.publication {
		return []string{"it is another one: it was dropped and created again"}
	}
	switch {
	case f.xmin == was.xmin:
	case f.options != was.options && !deliberate:
		what = append(what, "its options were changed")
	case f.options == was.options && f.owner == was.owner:
		what = append(what, "its options were changed and changed back")
	}
	rows, names := was.index()
	for i := range f.tables {
		t := &f.tables[i]
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

// gone returns the members of an earlier fingerprint whose names no member has any more, including those that were dropped
// since then.
func (f *Fingerprint) gone(was *Fingerprint) (gone []Member) {
	_, names := f.index()
	for _, t := range slices.Concat(was.tables, was.dropped) {
		if names[t.name] == nil {
			gone = append(gone, t.member)
		}
	}
	return gone
}

// Joined returns the tables, by OID, that are published now and were not when a sink recorded a fingerprint; nil: there are
// none, or the record is not known.
func (f *Fingerprint) Joined(recorded string) []uint32 {
	was, known := parseFingerprint(recorded)
	if !known {
		return nil
	}
	return f.joined(&was)
}

// joined returns the tables, by OID, that a fingerprint has and an earlier one had neither as the same member nor under the
// same name. It is unknown for fingerprints with too many tables.
func (f *Fingerprint) joined(was *Fingerprint) (oids []uint32) {
	if f.publication != was.publication {
		return nil
	}
	rows, names := was.index()
	named := map[uint32]bool{} // tables whose names were published before: altered checks them
	for i := range f.tables {
		t := &f.tables[i]
		if t.member.Name == "" {
			continue
		}
		known := rows[t.row] || names[t.name] != nil
		if named[t.member.oid] = known; !known && !was.cut && len(was.carried) == 0 {
			oids = append(oids, t.member.oid)
		}
	}
	if len(was.carried) == 0 {
		return oids
	}
	before := map[uint32]bool{}
	for _, c := range was.carried {
		before[c.table] = true
	}
	for _, c := range f.carried {
		if !before[c.table] && !named[c.table] {
			oids = append(oids, c.table)
		}
	}
	return oids
}

// Wide reports whether the publication includes all tables of schemas, or of the database, so that tables join it without a
// change of it.
func (f *Fingerprint) Wide() bool { return f.wide }

// holds reports whether all of these tables are listed as members themselves.
func (f *Fingerprint) holds(ts []*target) bool {
	members := map[uint32]bool{}
	for i := range f.tables {
		if m := &f.tables[i].member; m.Name != "" {
			members[m.oid] = true
		}
	}
	return !slices.ContainsFunc(ts, func(t *target) bool { return !members[t.OID] })
}

func (f *Fingerprint) index() (rows map[uint32]bool, names map[uint32]*membership) {
	rows, names = map[uint32]bool{}, map[uint32]*membership{}
	for i := range f.tables {
		t := &f.tables[i]
		rows[t.row], names[t.name] = true, t
	}
	return rows, names
}

// Exists reports whether there is a publication of the name.
func (c *Config) Exists(ctx context.Context, conn *pgx.Conn) (bool, error) {
	hash, err := c.hash(ctx, conn)
	return hash != "", err
}

// hash returns a short text that identifies the publication's fingerprint and is cheap to read; "" when there is no
// publication.
func (c *Config) hash(ctx context.Context, conn *pgx.Conn) (hash string, err error) {
	schemas := "NULL"
	if pgconnect.Major(conn.PgConn()) >= 15 {
		schemas = "(SELECT sum(hashint8extended(oid::bigint, 0)) FROM pg_publication_namespace WHERE pnpubid = p.oid)"
	}
	err = conn.QueryRow(ctx, `SELECT coalesce((SELECT concat_ws(' ', p.oid, p.xmin,
			(SELECT sum(hashint8extended(pr.oid::bigint, hashtextextended(n.nspname || '.' || t.relname, 0))) FROM pg_publication_rel pr
				JOIN pg_class t ON t.oid = pr.prrelid JOIN pg_namespace n ON n.oid = t.relnamespace WHERE prpubid = p.oid), `+schemas+`)
		FROM pg_publication p WHERE pubname = $1), '')`, c.Name).Scan(&hash)
	if err != nil {
		err = problem.Named("read publication "+c.Name, err)
	}
	return hash, err
}
