package target

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Explain finds the cause of an error that the target gave to a row of a table, where that is its schema: an enum of the
// source can get a label without any message about its tables. Then it returns a *capture.Problem or an *Apart, else nil.
// An error of class 42 says that somebody has altered the target: forget the Relation and ask for it again.
func (c *Catalog) Explain(t *capture.Table, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != pgconnect.InvalidTextRepresentation {
		return nil
	}
	for _, column := range t.Columns {
		for _, enum := range enums(column.Type, nil) {
			name := quote((&types{schema: c.Schema}).sought(enum, -1).Schema, enum.Name)
			label, ok := unknownLabel(pg.Message, name)
			if !ok {
				continue
			}
			sql := "ALTER TYPE " + name + " ADD VALUE IF NOT EXISTS " + literal(label)
			if c.AddColumns {
				return &Apart{Statements: []string{sql}}
			}
			return &capture.Problem{
				State: "schema_changed", Halted: true, Err: err,
				Reason: fmt.Sprintf("enum %s lacks label %s, which %s has", name, label, t),
				Fix:    sql + "; -- with BEFORE or AFTER, as in the source",
			}
		}
	}
	return nil
}

// enums are the enum types that a type is made of.
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

// unknownLabel takes the label out of `invalid input value for enum shop.mood: "glad"`, in whatever language the server
// says that: the type's name is in it, quoted as far as needed, and the label at the end.
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
