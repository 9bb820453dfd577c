package pgconnect

import "strings"

// Ident quotes an identifier, qualified by those before it: "schema"."table".
func Ident(names ...string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteByte('"')
		b.WriteString(strings.ReplaceAll(n, `"`, `""`))
		b.WriteByte('"')
	}
	return b.String()
}

// Idents quotes a list of identifiers, with commas between them.
func Idents(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = Ident(n)
	}
	return strings.Join(quoted, ", ")
}

// Literal quotes a string constant, whatever standard_conforming_strings is set to.
func Literal(s string) string {
	if strings.Contains(s, `\`) {
		return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
	}
	return CommandLiteral(s)
}

// CommandLiteral quotes a string constant of the replication protocol, which knows no escapes but the doubled quote.
func CommandLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
