package shape

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// TypeDeclaration declares a type that is not one of the built-in ones. It has one of Labels, Base, Fields and Storage.
type TypeDeclaration struct {
	Name    string
	Labels  []string // of an enum
	Base    string   // of a domain
	Fields  []Column // of a composite type
	Storage string   // of any other type, whose values are texts: StoragePlain or StorageExtended
}

// How the values of a type are stored, in the words of CREATE TYPE.
const (
	StoragePlain    = "plain"    // never out of line
	StorageExtended = "extended" // out of line (TOAST) if they are long
)

// TableDeclaration declares a table.
type TableDeclaration struct {
	Name     string
	Columns  []Column
	Key      []string
	Identity Identity
}

// Declare returns the declarations that give the shapes of tables: NewTable of each, after those of the types, returns the same shape as
// far as rules can tell. Tables are in the order of their names, and each type comes after the types that it needs.
func Declare(tables []*capture.Table) ([]TypeDeclaration, []TableDeclaration) {
	d := declarer{builtIn: NewTypes(), seen: map[string]bool{}}
	tables = slices.Clone(tables)
	slices.SortFunc(tables, func(a, b *capture.Table) int { return cmp.Compare(a.String(), b.String()) })
	var all []TableDeclaration
	for _, t := range tables {
		all = append(all, d.table(t))
	}
	return d.types, all
}

// declarer collects the types that declarations need.
type declarer struct {
	builtIn *Types
	types   []TypeDeclaration
	seen    map[string]bool
}

func (d *declarer) table(t *capture.Table) TableDeclaration {
	out := TableDeclaration{Name: t.String()}
	for i := range t.Columns {
		c := &t.Columns[i]
		text := d.column(c.Type, c.Modifier, c.Inline)
		if !c.Nullable && !c.Key {
			text += notNull
		}
		out.Columns = append(out.Columns, Column{c.Name, text})
	}
	for _, i := range t.Key {
		out.Key = append(out.Key, t.Columns[i].Name)
	}
	out.Identity = identityOf(t)
	return out
}

// identityOf returns the replica identity that the columns of a table show. A table without an identity and without a key has DEFAULT.
func identityOf(t *capture.Table) Identity {
	var names []string
	keyed := true
	for i := range t.Columns {
		c := &t.Columns[i]
		keyed = keyed && c.Identity == c.Key
		if c.Identity {
			names = append(names, c.Name)
		}
	}
	switch {
	case keyed:
		return Identity{}
	case len(names) == 0:
		return Identity{Nothing: true}
	case len(names) == len(t.Columns):
		return Identity{Full: true}
	}
	return Identity{Index: names}
}

// column returns the text of a column's type, and declares what it needs.
func (d *declarer) column(t *capture.Type, modifier int32, inline bool) string {
	if t.Kind == capture.KindArray && isArray(t) {
		return d.column(t.Elem, modifier, false) + "[]"
	}
	name := d.name(t)
	if d.builtIn.lookup(name) == nil {
		d.declare(name, t, inline)
	}
	return name + modifierText(t, modifier)
}

// isArray reports whether a type of the kind array is an array type, and no domain over one.
func isArray(t *capture.Type) bool { return t.User == nil || t.User.Kind != capture.UserDomain }

// name returns the name by which a declaration knows a type. The types of extensions that are known here have no schema.
func (d *declarer) name(t *capture.Type) string {
	if t.User != nil && t.User.Extension != "" || t.Kind == capture.KindHstore {
		if known := d.builtIn.lookup(t.Name); known != nil && known.Kind == t.Kind {
			return t.Name
		}
	}
	if t.Schema == "pg_catalog" && d.builtIn.named[t.Name] == nil {
		return t.Schema + "." + t.Name
	}
	return t.String()
}

func (d *declarer) declare(name string, t *capture.Type, inline bool) {
	if d.seen[name] {
		return
	}
	d.seen[name] = true
	out := TypeDeclaration{Name: name}
	kind := capture.UserBase
	if t.User != nil {
		kind = t.User.Kind
	}
	switch {
	case kind == capture.UserEnum:
		out.Labels = t.User.Labels
	case kind == capture.UserDomain && t.User.Base != nil:
		out.Base = d.column(t.User.Base, t.User.Modifier, inline)
	case t.Kind == capture.KindComposite:
		for _, f := range t.Fields {
			out.Fields = append(out.Fields, Column{f.Name, d.column(f.Type, f.Modifier, false)})
		}
	case inline:
		out.Storage = StoragePlain
	default:
		out.Storage = StorageExtended
	}
	d.types = append(d.types, out)
}

// modifierText returns the arguments of a type: the inverse of modifierOf. An interval's are left out, which no rule depends on.
func modifierText(t *capture.Type, modifier int32) string {
	if modifier < 0 || t.Schema != "pg_catalog" {
		return ""
	}
	switch t.Name {
	case "numeric":
		return fmt.Sprintf("(%d,%d)", (modifier-varHeader)>>16, scaleOf(modifier))
	case "varchar", "bpchar":
		return fmt.Sprintf("(%d)", modifier-varHeader)
	case "bit", "varbit", "time", "timetz", "timestamp", "timestamptz":
		return fmt.Sprintf("(%d)", modifier)
	}
	return ""
}
