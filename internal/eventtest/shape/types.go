package shape

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// Types are the data types that a column may have: the built-in ones, and those that were declared.
type Types struct {
	named  map[string]*capture.Type // by the names that SQL accepts
	inline map[*capture.Type]bool   // types whose values are never stored out of line
}

// builtIn is a type of every database. The first name is that of pg_type, the others are SQL's.
type builtIn struct {
	kind   capture.TypeKind
	inline bool
	names  []string
}

var builtIns = []builtIn{
	{capture.KindBool, true, []string{"bool", "boolean"}},
	{capture.KindInt, true, []string{"int2", "smallint"}},
	{capture.KindInt, true, []string{"int4", "int", "integer"}},
	{capture.KindInt, true, []string{"int8", "bigint"}},
	{capture.KindFloat, true, []string{"float4", "real"}},
	{capture.KindFloat, true, []string{"float8", "double precision"}},
	{capture.KindNumeric, false, []string{"numeric", "decimal"}},
	{capture.KindMoney, true, []string{"money"}},
	{capture.KindBytes, false, []string{"bytea"}},
	{capture.KindJSON, false, []string{"json"}},
	{capture.KindJSON, false, []string{"jsonb"}},
	{capture.KindDate, true, []string{"date"}},
	{capture.KindTimestamp, true, []string{"timestamp", "timestamp without time zone"}},
	{capture.KindTimestampTZ, true, []string{"timestamptz", "timestamp with time zone"}},
	{capture.KindInterval, true, []string{"interval"}},
	{capture.KindHstore, false, []string{"hstore"}},
	{capture.KindText, false, []string{"text"}},
	{capture.KindText, false, []string{"varchar", "character varying"}},
	{capture.KindText, false, []string{"bpchar", "char", "character"}},
	{capture.KindText, false, []string{"bit"}},
	{capture.KindText, false, []string{"varbit", "bit varying"}},
	{capture.KindText, false, []string{"citext"}},
	{capture.KindText, false, []string{"cidr"}},
	{capture.KindText, false, []string{"inet"}},
	{capture.KindText, false, []string{"tsvector"}},
	{capture.KindText, false, []string{"xml"}},
	{capture.KindText, false, []string{"int4range"}},
	{capture.KindText, false, []string{"int8range"}},
	{capture.KindText, false, []string{"numrange"}},
	{capture.KindText, false, []string{"daterange"}},
	{capture.KindText, false, []string{"tsrange"}},
	{capture.KindText, false, []string{"tstzrange"}},
	{capture.KindText, true, []string{"name"}},
	{capture.KindText, true, []string{"uuid"}},
	{capture.KindText, true, []string{"macaddr"}},
	{capture.KindText, true, []string{"oid"}},
	{capture.KindText, true, []string{"pg_lsn"}},
	{capture.KindText, true, []string{"point"}},
	{capture.KindText, true, []string{"time", "time without time zone"}},
	{capture.KindText, true, []string{"timetz", "time with time zone"}},
}

// NewTypes returns the built-in types.
func NewTypes() *Types {
	t := &Types{named: map[string]*capture.Type{}, inline: map[*capture.Type]bool{}}
	oids := pgtype.NewMap()
	for _, b := range builtIns {
		made := &capture.Type{Schema: "pg_catalog", Name: b.names[0], Kind: b.kind}
		if known, ok := oids.TypeForName(made.Name); ok {
			made.OID = known.OID
		}
		array := arrayOf(made, 0)
		if known, ok := oids.TypeForName(array.Name); ok {
			array.OID = known.OID
		}
		t.inline[made] = b.inline
		for _, name := range b.names {
			t.named[name], t.named[name+"[]"] = made, array
		}
	}
	return t
}

func arrayOf(elem *capture.Type, oid uint32) *capture.Type {
	return &capture.Type{OID: oid, Schema: elem.Schema, Name: "_" + elem.Name, Kind: capture.KindArray, Elem: elem, Delim: ','}
}

// Enum declares an enumeration, by its name with the schema.
func (t *Types) Enum(name string, labels []string) {
	typ := t.declare(name, capture.KindText)
	typ.User = &capture.UserType{Kind: capture.UserEnum, Labels: labels}
	t.inline[typ] = true
}

// Domain declares a domain over a base type.
func (t *Types) Domain(name, base string) error {
	b, modifier, _, err := t.Parse(base)
	if err != nil {
		return err
	}
	typ := t.declare(name, b.Kind)
	typ.Elem, typ.Delim, typ.Fields = b.Elem, b.Delim, b.Fields
	typ.User = &capture.UserType{Kind: capture.UserDomain, Base: b, Modifier: modifier}
	return nil
}

// Text declares another type, such as a range or one of an extension. Its values are texts.
func (t *Types) Text(name, storage string) {
	typ := t.declare(name, capture.KindText)
	typ.User = &capture.UserType{Kind: capture.UserBase}
	t.inline[typ] = storage == StoragePlain
}

// Composite declares a composite type.
func (t *Types) Composite(name string, fields []capture.Field) {
	typ := t.declare(name, capture.KindComposite)
	typ.Fields = fields
	typ.User = &capture.UserType{Kind: capture.UserComposite}
}

func (t *Types) declare(name string, kind capture.TypeKind) *capture.Type {
	schema, short, ok := capture.SplitName(name)
	if !ok {
		schema, short = "public", name
	}
	typ := &capture.Type{Schema: schema, Name: short, Kind: kind}
	t.named[name] = typ
	return typ
}

// Declared reports whether there is a type with a name.
func (t *Types) Declared(name string) bool { return t.named[name] != nil }

// Parse returns the type and the type modifier that a text such as "numeric(10,2) not null" or "public.mood[]" names, and whether
// the column may be null.
func (t *Types) Parse(text string) (typ *capture.Type, modifier int32, nullable bool, err error) {
	name := strings.TrimSpace(text)
	nullable = true
	if n := len(name) - len(notNull); n > 0 && strings.EqualFold(name[n:], notNull) {
		name, nullable = strings.TrimSpace(name[:n]), false
	}
	name, array := strings.CutSuffix(name, "[]")
	modifier = -1
	if typ = t.named[name]; typ == nil || name == "char" || name == "character" { // those are char(1)
		var args []int
		if name, args, err = splitModifier(strings.Join(strings.Fields(name), " ")); err != nil {
			return nil, 0, false, err
		}
		if typ = t.lookup(name); typ == nil {
			return nil, 0, false, t.unknown(name)
		}
		if modifier, err = modifierOf(typ, args); err != nil {
			return nil, 0, false, err
		}
	}
	if array {
		typ = t.array(name, typ)
	}
	return typ, modifier, nullable, nil
}

// lookup finds a type: a declared one by its exact name, a built-in one in any case, as in SQL.
func (t *Types) lookup(name string) *capture.Type {
	if typ := t.named[name]; typ != nil {
		return typ
	}
	return t.named[strings.ToLower(name)]
}

// array returns the array type of an element type, always the same one.
func (t *Types) array(name string, elem *capture.Type) *capture.Type {
	if elem.Kind == capture.KindArray { // Postgres has no arrays of arrays: int[][] is int[]
		return elem
	}
	a := t.lookup(name + "[]")
	if a == nil {
		a = arrayOf(elem, 0) // of a declared type
		if elem.String() == "box" {
			a.Delim = ';'
		}
		t.named[name+"[]"] = a
	}
	return a
}

func (t *Types) unknown(name string) error {
	var known []string
	for n := range maps.Keys(t.named) {
		if !strings.HasSuffix(n, "[]") {
			known = append(known, n)
		}
	}
	slices.Sort(known)
	hint := config.Suggest(name, known)
	if hint == "" {
		hint = `Declare it with a type block: type "` + name + `" { labels = [...] }, or base = "...", or fields = { ... }.`
	}
	return &Problem{Summary: fmt.Sprintf("there is no type %q", name), Detail: hint}
}

// splitModifier splits "numeric(10,2)" and "timestamp(3) with time zone" into the name and the arguments.
func splitModifier(name string) (rest string, args []int, err error) {
	before, inner, found := strings.Cut(name, "(")
	if !found {
		return name, nil, nil
	}
	inner, after, closed := strings.Cut(inner, ")")
	for _, a := range strings.Split(inner, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(a))
		if err != nil || n < minScale || n > 1<<20 || !closed {
			return "", nil, &Problem{Summary: fmt.Sprintf("%q is not a type", name), Detail: `Write a type as in CREATE TABLE, such as "numeric(10,2)".`}
		}
		args = append(args, n)
	}
	return strings.TrimSpace(before) + after, args, nil
}

// modifierOf returns Postgres' type modifier for the arguments of a type; -1 without any.
func modifierOf(typ *capture.Type, args []int) (int32, error) {
	most := 0
	switch typ.Name {
	case "numeric":
		most = 2
	case "varchar", "bpchar", "bit", "varbit", "time", "timetz", "timestamp", "timestamptz", "interval":
		most = 1
	}
	switch {
	case typ.Schema != "pg_catalog" && len(args) > 0, len(args) > most:
		return 0, &Problem{Summary: fmt.Sprintf("%s does not take %d arguments", typ, len(args)), Detail: "Write the type as in CREATE TABLE."}
	case len(args) == 0 && typ.Name == "bpchar":
		return 1 + varHeader, nil
	case len(args) == 0:
		return -1, nil
	case args[0] < 0:
		return 0, &Problem{Summary: fmt.Sprintf("%s(%d) is not a type", typ, args[0]), Detail: "Only the scale of a numeric may be negative."}
	case typ.Name == "numeric":
		scale := 0
		if len(args) == 2 {
			scale = args[1]
		}
		return int32(args[0]<<16|scale&0x7ff) + varHeader, nil
	case typ.Name == "varchar", typ.Name == "bpchar":
		return int32(args[0]) + varHeader, nil
	}
	return int32(args[0]), nil
}

const notNull = " not null"

// scaleOf returns the scale of a numeric type, which may be negative.
func scaleOf(modifier int32) int { return int((modifier-varHeader)&0x7ff^0x400) - 0x400 }

// minScale is the least scale of a numeric.
const minScale = -1000

// varHeader is what Postgres adds to the modifiers of types of variable length: VARHDRSZ.
const varHeader = 4

// Problem is what is wrong with a declaration or a value, and what to write instead.
type Problem struct{ Summary, Detail string }

// Error returns the summary.
func (p *Problem) Error() string { return p.Summary }
