package pgconnect_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

func TestQuoting(t *testing.T) {
	for got, want := range map[string]string{
		pgconnect.Ident("public", `a"b`):               `"public"."a""b"`,
		pgconnect.Idents([]string{"a", `"`}):           `"a", """"`,
		pgconnect.Literal("it's"):                      `'it''s'`,
		pgconnect.Literal(`it's \`):                    `E'it''s \\'`,
		pgconnect.CommandLiteral(`"pub's \ " = proto`): `'"pub''s \ " = proto'`,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
