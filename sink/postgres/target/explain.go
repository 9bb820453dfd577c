package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Explain checks whether the target rejected a change because of the target's schema: a type of the source can be altered without
// any message in the stream about the tables that use it, and rows of an older shape can come after their type was read. In that
// case Explain returns a *capture.Problem or an *Apart, otherwise nil. An error of class 42 means that the target was altered:
// discard the Relation and request it again.
func (c *Catalog) Explain(rel *Relation, change *capture.Change, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || !slices.Contains(ofValues, pg.Code) {
		return nil
	}
	for i, column := range change.Table.Columns {
		for _, enum := range enums(column.Type, nil) {
			name := quote((&types{schema: c.Schema}).sought(enum, -1).Schema, enum.Name)
			if label, ok := unknownLabel(pg.Message, name); ok && (slices.Contains(enum.User.Labels, label) || hasLabel(change, i, label)) {
				return c.lacksLabel(enum, name, label, change, err)
			}
		}
	}
	if p := otherShape(rel, change, pg); p != nil {
		return p
	}
	return nil
}

// ofValues are the errors of a text that is no value of its type.
var ofValues = []string{
	pgconnect.InvalidTextRepresentation, pgconnect.NumericValueOutOfRange, pgconnect.InvalidDatetimeFormat, pgconnect.DatetimeFieldOverflow,
}

// lacksLabel explains a label that the target's enum does not have. It is a new one, unless the source has given it another name
// since: then the row has that name by now.
func (c *Catalog) lacksLabel(enum *capture.Type, name, label string, change *capture.Change, err error) error {
	sql := "ALTER TYPE " + name + " ADD VALUE IF NOT EXISTS " + literal(label)
	renamed := !slices.Contains(enum.User.Labels, label) && (c.formerLabel(name, label) || change.Tx.Time.Before(enum.User.Read))
	switch {
	case renamed:
		return &capture.Problem{
			State: "schema_changed", Halted: true, Err: err,
			Reason: fmt.Sprintf("a row of %s has label %s of enum %s, which the source has renamed since", change.Table, label, name),
			Fix:    sql + ";" + verifyAll,
		}
	case c.AddColumns:
		return &Apart{Statements: []string{sql}}
	}
	return &capture.Problem{
		State: "schema_changed", Halted: true, Err: err,
		Reason: fmt.Sprintf("enum %s lacks label %s, which %s has", name, label, change.Table),
		Fix:    sql + "; -- with BEFORE or AFTER, as in the source",
	}
}

// hasLabel reports whether a column may have an unknown label, other than by a text that belongs to another attribute of a composite
// type.
func hasLabel(change *capture.Change, i int, label string) bool {
	t := change.Table.Columns[i].Type
	if composite(t) {
		return false
	}
	is := func(row []capture.Value) bool {
		return row != nil && row[i].Kind == capture.Text && row[i].String() == label
	}
	return t.Kind == capture.KindArray || is(change.Before) || is(change.After)
}

// otherShape explains a value of a composite type that has another shape than the type has now. Which attributes its texts belong
// to is not known, so the column takes them as text until the row has its present value.
func otherShape(rel *Relation, change *capture.Change, err *pgconn.PgError) error {
	alter := "ALTER TABLE " + quote(rel.Schema, rel.Name) + " ALTER COLUMN "
	var names, first, last []string
	for _, i := range shaped(rel, change, err.Message) {
		f := rel.Columns[i]
		names = append(names, f.Name)
		first = append(first, alter+quote(f.Name)+" TYPE text;")
		last = append(last, "-- after that: "+retypeByNumber(rel, &f))
	}
	if len(names) == 0 {
		return nil
	}
	first = append(first, "-- "+caughtUp+": "+verifyTable(change.Table.String()))
	return &capture.Problem{
		State: "schema_changed", Halted: true, Err: err,
		Reason: fmt.Sprintf("a row of %s has another shape of the composite type of column %s than the type has now", change.Table, strings.Join(names, ", ")),
		Fix:    strings.Join(append(first, last...), "\n"),
	}
}

// retypeByNumber returns the SQL that gives a column its type again. It runs after later rows, for which the table or the column may have
// been renamed, and another one may have got the name: both are found by their numbers.
func retypeByNumber(rel *Relation, f *Column) string {
	return fmt.Sprintf("DO $tailrace$ DECLARE sql text; BEGIN FOR sql IN SELECT format('ALTER TABLE %%s ALTER COLUMN %%I TYPE %%s USING %%2$I::%%3$s', "+
		"attrelid::regclass, attname, %s) FROM pg_attribute WHERE attrelid = %d AND attnum = %d AND NOT attisdropped LOOP EXECUTE sql; END LOOP; "+
		"END $tailrace$;", literal(f.Type), rel.OID, f.Place)
}

// shaped returns the columns with values of composite types: those whose value the message quotes, if there are any.
func shaped(rel *Relation, change *capture.Change, message string) []int {
	var all, quoted []int
	for i, column := range change.Table.Columns {
		if !composite(column.Type) || rel.Columns[i].Type == "text" {
			continue
		}
		all = append(all, i)
		for _, row := range [][]capture.Value{change.Before, change.After} {
			if row != nil && row[i].Kind == capture.Text && strings.HasSuffix(message, `"`+row[i].String()+`"`) && !slices.Contains(quoted, i) {
				quoted = append(quoted, i)
			}
		}
	}
	if len(quoted) > 0 {
		return quoted
	}
	return all
}

// composite reports whether a user's composite type is part of a type.
func composite(t *capture.Type) bool {
	switch {
	case t.User != nil && t.User.Kind == capture.UserComposite && t.User.Extension == "":
		return true
	case t.Elem != nil && composite(t.Elem), t.User != nil && t.User.Base != nil && composite(t.User.Base):
		return true
	}
	return slices.ContainsFunc(t.Fields, func(f capture.Field) bool { return composite(f.Type) })
}

// enums appends to all the enum types that a type contains.
func enums(t *capture.Type, all []*capture.Type) []*capture.Type {
	if t.Elem != nil {
		all = enums(t.Elem, all)
	}
	for _, f := range t.Fields {
		all = enums(f.Type, all)
	}
	switch {
	case t.User == nil || t.User.Extension != "":
	case t.User.Kind == capture.UserEnum:
		all = append(all, t)
	case t.User.Base != nil:
		all = enums(t.User.Base, all)
	}
	return all
}

// unknownLabel extracts the label from `invalid input value for enum shop.mood: "glad"`. It does not depend on the server's
// language: every translation contains the type's name, quoted where necessary, and ends with the label.
func unknownLabel(message, quoted string) (string, bool) {
	plain := strings.NewReplacer(`""`, `"`, `"`, "").Replace(quoted)
	said := strings.NewReplacer(`""`, `"`, `"`, "").Replace(message)
	_, rest, found := strings.Cut(said, plain)
	start := len(message) - len(rest)
	if !found || !strings.HasSuffix(message, `"`) {
		return "", false
	}
	at := strings.Index(message[max(0, start-4):], `: "`)
	if at < 0 {
		return "", false
	}
	return message[max(0, start-4)+at+3 : len(message)-1], true
}
