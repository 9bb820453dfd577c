package config_test

import (
	"strings"
	"testing"
)

// TestFunctions evaluates expressions; slot gets their text.
func TestFunctions(t *testing.T) {
	for expression, want := range map[string]string{
		`hmac("what do ya want for nothing?", "Jefe")`:    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", // RFC 4231, case 2
		`hmac("x", env("PGPASSWORD")) == "y" ? "a" : "b"`: "b",
		`upper("é")`:                                 "É",
		`join("-", reverse(["a", "b"]))`:             "b-a",
		`split(",", env("BROKERS"))[1]`:              "k2:9092",
		`env("NOT_SET", "default")`:                  "default",
		`env("EMPTY", "default")`:                    "",
		`try(env("NOT_SET"), "else")`:                "else",
		`try(jsondecode("{"), "else")`:               "else",
		`can(parseint("x", 10)) ? 1 : 0`:             "0",
		`format("%03d", 7)`:                          "007",
		`formatdate("YYYY", "2020-01-01T00:00:00Z")`: "2020",
		`jsondecode("{\"a\": [1, \"x\"]}").a[1]`:     "x",
		`jsonencode({ a = [1] })`:                    `{"a":[1]}`,
		`file("/run/secrets/password")`:              fileCanary,
		`length([for x in [1, 2, 3] : x if x > 1])`:  "2",
		`lookup({ a = "b" }, "a", "c")`:              "b",
		`local.list[0]`:                              "a",
		`local["list"][1]`:                           "b",
		`join(",", keys(local))`:                     "list,map,nested",
		`local.nested`:                               "k1:9092",
		`local.map.x`:                                "1",
		`replace("a-b", "-", "_")`:                   "a_b",
		`regexreplace("a1b2", "[0-9]", "")`:          "ab",
		`coalesce(null, "x")`:                        "x",
		`<<EOT
text
EOT
`: "text\n",
	} {
		f, report := load(t, options(), strings.Replace(minimal, "tables", "slot = "+expression+"\ntables", 1),
			"locals {\n  list = [\"a\", \"b\"]\n  map = { x = 1 }\n  nested = split(\",\", env(\"BROKERS\"))[0]\n}\n")
		switch {
		case report.HasErrors():
			t.Errorf("%s:\n%s", expression, report)
		case f.Pipelines[0].Source.Settings.(*postgres).Slot != want:
			t.Errorf("%s: %q", expression, f.Pipelines[0].Source.Settings.(*postgres).Slot)
		}
	}
}
