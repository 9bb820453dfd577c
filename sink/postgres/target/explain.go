package target

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Explain checks whether the target rejected a row of a table because of the target's schema. An enum of the source can get a
// new label without any message in the stream about the tables that use it. In that case Explain returns a *capture.Problem or
// an *Apart, otherwise nil. An error of class 42 means that the target was altered: discard the Relation and request it again.
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
