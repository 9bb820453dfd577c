package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/tailrace/tailrace/config"
)

// TestSecretIsNotPrinted prints a secret in every way there is.
func TestSecretIsNotPrinted(t *testing.T) {
	s := config.Secret(canary)
	holder := struct {
		S config.Secret
		P *config.Secret
		L []config.Secret
		M map[string]config.Secret
	}{s, &s, []config.Secret{s}, map[string]config.Secret{"k": s}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s", "% x", "%T"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", holder)
		fmt.Fprintf(&out, verb+"\n", config.Daemon{Token: s})
	}
	text, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	line, err := encoder.EncodeEntry(zapcore.Entry{}, []zap.Field{
		zap.Any("a", s), zap.Any("b", holder), zap.Stringer("c", s), zap.Reflect("d", s), zap.Any("e", config.Daemon{Token: s}),
		zap.Any("f", []config.Secret{s}),
	})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(line.Bytes())
	for _, c := range []string{"CANARY", "hunter2", fmt.Sprintf("%x", canary[:4]), fmt.Sprintf("%X", canary[:4])} {
		if strings.Contains(out.String(), c) {
			t.Errorf("%q was printed:\n%s", c, out.String())
		}
	}
	if !strings.Contains(out.String(), "(secret)") {
		t.Error("nothing was printed")
	}
}

// TestNoSecretInDiagnostics makes as many mistakes with secrets as there are, one after the other and all at once.
func TestNoSecretInDiagnostics(t *testing.T) {
	attributes := []string{
		// values of env() and file() in errors of functions and operators
		`slot = 1 + env("COUNT")`,
		`slot = -file("/run/secrets/password")`,
		`slot = parseint(env("PGPASSWORD"), 10)`,
		`slot = parseint(upper(env("PGPASSWORD")), 10)`,
		`slot = parseint("${env("PGPASSWORD")}x", 10)`,
		`slot = regex(env("PGPASSWORD"), "x")`,
		`slot = regex("(", env("PGPASSWORD"))`,
		`slot = regex("${env("COUNT")}(", "x")`,
		`slot = jsondecode(env("PGPASSWORD"))`,
		`slot = csvdecode("a,b\n${env("PGPASSWORD")}")`,
		`slot = format("%d", env("PGPASSWORD"))`,
		`slot = format("%${env("COUNT")}", 1)`,
		`slot = formatdate("YYYY", env("PGPASSWORD"))`,
		`slot = formatdate(env("PGPASSWORD"), "2020-01-01T00:00:00Z")`,
		`slot = timeadd("2020-01-01T00:00:00Z", env("PGPASSWORD"))`,
		`slot = lookup({ a = 1 }, env("PGPASSWORD"))`,
		`slot = { a = 1 }[env("PGPASSWORD")]`,
		`slot = { a = 1 }[upper(env("PGPASSWORD"))]`,
		`slot = ["a"][env("PGPASSWORD")]`,
		`slot = zipmap([env("PGPASSWORD")], [1, 2])`,
		`slot = { for x in [1, 2] : env("PGPASSWORD") => x }`,
		`slot = { for x in [1, 2] : upper(env("PGPASSWORD")) => x }`,
		`slot = env(env("PGPASSWORD"))`,
		`slot = file(env("PGPASSWORD"))`,
		`slot = file("/run/${upper(env("PGPASSWORD"))}")`,
		`slot = env("PGPASSWORD") ? "a" : "b"`,
		`slot = "%{ if env("PGPASSWORD") }x%{ endif }"`,
		`slot = "%{ for x in env("PGPASSWORD") }x%{ endfor }"`,
		`slot = try(parseint(env("PGPASSWORD"), 10), tonumber)`,
		`slot = try(parseint(env("PGPASSWORD"), 10))`,
		`slot = try({ a = 1 }[upper(env("PGPASSWORD"))])`,
		`slot = local.password.x`,
		`slot = jsondecode(local.encoded).nothing`,
		// values that settings do not take
		`heartbeat = env("PGPASSWORD")`,
		`heartbeat = "${env("PGPASSWORD")}s"`,
		`failover = file("/run/secrets/password")`,
		`tables = env("PGPASSWORD")`,
		`url = env("PGPASSWORD")`,
		`url = "postgres://u:${env("PGPASSWORD")}@h:p/db"`,
		`url = "postgres://u:${local.password}@h:p/db"`,
		`url = "://${env("PGPASSWORD")}"`,
		`url = "%zz${env("PGPASSWORD")}"`,
		`url = "postgres://u:${file("/run/secrets/password")}@h:p/db"`,
		`slot = { for x in [1, 2] : file("/run/secrets/password") => x }`,
		`url = "${env("PGPASSWORD")}://h"`,
		`connection = env("PGPASSWORD")`,
		`password = 20261125 + local.nothing`,
		// literals of the file, in excerpts
		`password = "literal-CANARY" "x"`,
		`password = "literal-CANARY`,
		`password = 'literal-CANARY'`,
		`password = 'literal # CANARY'`,
		`password = “literal-CANARY”`,
		`password = literal-CANARY`,
		`password = literal.CANARY.x`,
		`password = CANARY[0]`,
		`password = CANARY("x")["literal-CANARY"]`,
		`password = upper("literal-CANARY", 1)`,
		`password = env("NOT_SET", "literal-CANARY", 1)`,
		`password = ["literal-CANARY"]`,
		`password = { a = "literal-CANARY" }`,
		`password = <<EOT
literal-CANARY
EOT x`,
		`password: "literal-CANARY"`,
		`password "literal-CANARY"`,
		`password "literal-CANARY" {}`,
		`"password" = "literal-CANARY"`,
		`pasword = "literal-CANARY"`,
		`sasl_password = "literal-CANARY"`,
		`options = { password = "literal-CANARY", "sasl.password" = "literal-CANARY" }`,
		`slot = "a" password = "literal-CANARY"`,
		`password = "literal-CANARY" slot = "a"`,
		`url = "postgres://u:literal-CANARY@h:p/db"`,
		`url = "postgres://u:lit/CANARY/p@ss@h/db"`,
		`url = 'postgres://u:literal-CANARY@h/db'`,
		`url = "postgres://u:literal-CANARY@h/db" x`,
		`url = "postgres://u:CANARY${env("COUNT")}@h:p/db"`,
		`dsn = "host=h password=literal-CANARY dbname=x"`,
		`dsn = "host=h password=CANARY(CANARY)CANARY dbname=x"`,
		`dsn = 'password=f(CANARY,CANARY)'`,
		`dsn = "postgres://h/db?sslpassword=literal-CANARY&x=y"`,
		`tls { key = "literal-CANARY" }`,
		`snapshot { password = "literal-CANARY" }`,
		`password = local.plain + 1`,
	}
	const head = `locals {
  password = env("PGPASSWORD")
  encoded  = jsonencode({ a = env("PGPASSWORD") })
  plain    = "word-CANARY"
}
`
	wrap := func(a string) string {
		return head + "pipeline \"p\" {\n  source \"postgres\" {\n    " + a + "\n    nothing = 1\n  }\n  sink \"stdout\" \"out\" {}\n}\n"
	}
	for _, a := range attributes {
		_, report := load(t, options(), wrap(a))
		if !report.HasErrors() {
			t.Errorf("%s: no error", a)
		}
		searchCanaries(t, report)
		searchCanaries(t, upperReport(t, report))
		if t.Failed() {
			t.Fatalf("%s", a)
		}
	}
	var all []string
	for _, a := range attributes {
		all = append(all, wrap(a))
	}
	_, report := load(t, options(), strings.Join(all, ""))
	searchCanaries(t, report)
}

// upperReport looks for what upper() made of the secret.
func upperReport(t *testing.T, report *config.Report) *config.Report {
	t.Helper()
	if strings.Contains(report.String(), strings.ToUpper(canary)[:8]) {
		t.Errorf("the secret in upper case is in the report:\n%s", report)
	}
	return report
}

// TestLiteralOfALocal: a password that a local holds is not in the excerpt of that local either.
func TestLiteralOfALocal(t *testing.T) {
	_, report := load(t, options(), strings.Replace(minimal, "tables", "password = local.db\ntables", 1),
		`locals { db = "word-CANARY" }
locals { db = "word-CANARY" }
`)
	searchCanaries(t, report)
	if !strings.Contains(report.String(), `locals { db = "(secret)" }`) {
		t.Errorf("report:\n%s", report)
	}
}

// A short value of the environment does not make messages unreadable.
func TestShortSecret(t *testing.T) {
	_, report := load(t, options(), strings.Replace(minimal, `"postgres://h/db"`, `"${env("SHORT")}://${env("EMPTY")}h"`, 1))
	if got := report.String(); !strings.Contains(got, "url has the scheme (secret)") {
		t.Errorf("report:\n%s", got)
	}
}
