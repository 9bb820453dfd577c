package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
)

// TestLimits loads what would end the process, or be read for minutes, without the limits.
func TestLimits(t *testing.T) {
	const big, some = 200 << 10, 10 << 10
	for name, c := range map[string]struct{ text, want string }{
		"parentheses":   {"locals {\n  x = " + strings.Repeat("(", big), "a.hcl:2:105: error: nested too deep"},
		"closed":        {"locals {\n  x = " + strings.Repeat("(", big) + "1" + strings.Repeat(")", big) + "\n}\n", "a.hcl:2:105: error: nested too deep"},
		"brackets":      {"locals {\n  x = " + strings.Repeat("[", some), "nested too deep"},
		"braces":        {"locals {\n  x = " + strings.Repeat("{a=", some), "nested too deep"},
		"blocks":        {strings.Repeat("a {\n", some), "nested too deep"},
		"templates":     {"locals {\n  x = " + strings.Repeat(`"${`, some), "nested too deep"},
		"directives":    {"locals {\n  x = " + strings.Repeat(`"%{if `, some), "nested too deep"},
		"heredocs":      {"locals {\n  x = " + strings.Repeat("<<A\n${", some), "nested too deep"},
		"calls":         {"locals {\n  x = " + strings.Repeat("f(", some), "nested too deep"},
		"exclamations":  {"locals {\n  x = " + strings.Repeat("!", big) + "true\n}\n", "a.hcl:2:507: error: the expression is too long"},
		"minus":         {"locals {\n  x = " + strings.Repeat("- ", some) + "1\n}\n", "the expression is too long"},
		"sum":           {"locals {\n  x = 1" + strings.Repeat("+1", big) + "\n}\n", "the expression is too long"},
		"sum on lines":  {"locals {\n  x = (1" + strings.Repeat("\n+1", some) + ")\n}\n", "the expression is too long"},
		"conditionals":  {"locals {\n  x = " + strings.Repeat("true ? 1 : ", some) + "1\n}\n", "the expression is too long"},
		"indexes":       {"locals {\n  x = local.a" + strings.Repeat("[0]", some) + "\n}\n", "the expression is too long"},
		"splats":        {"locals {\n  x = local.a" + strings.Repeat("[*]", some) + "\n}\n", "the expression is too long"},
		"dots":          {"locals {\n  x = local.a" + strings.Repeat(".*.b", some) + "\n}\n", "the expression is too long"},
		"exponent":      {"locals {\n  x = \"${1e999999999}\"\n}\n", "a.hcl:2:10: error: the number is too large"},
		"10 MB":         {strings.Repeat("# a comment\n", 10<<20/12), "a.hcl:1:1: error: the file is too large\n  A pipeline file has at most 1MiB."},
		"NUL":           {"locals {\n  x = \"a\x00b\"\n}\n", "a.hcl:2:9: error: there is a NUL byte"},
		"not UTF-8":     {"locals {\n  x = \"\xffé\"\n}\n", "a.hcl:2:8: error: the file is not UTF-8\n  The byte 0xff"},
		"latin 1":       {"# caf\xe9\n", "a.hcl:1:6: error: the file is not UTF-8"},
		"BOM":           {"\ufeff" + minimal, "a.hcl:1:1: error: the file begins with a byte order mark"},
		"UTF-16":        {"\xff\xfep\x00i\x00", "a.hcl:1:1: error: the file is UTF-16"},
		"UTF-16 BE":     {"\xfe\xff\x00p\x00i", "a.hcl:1:1: error: the file is UTF-16"},
		"carriage":      {strings.ReplaceAll(minimal, "\n", "\r\n"), ""},
		"just so":       {strings.Replace(minimal, "{", "{\n  window = "+strings.Repeat("(", 90)+"1"+strings.Repeat(")", 90), 1), ""},
		"many lines":    {"locals {\n  x = [\n" + strings.Repeat("    1 + 1, # one\n", 5000) + "  ]\n}\n" + minimal, ""},
		"long template": {"locals {\n  x = \"" + strings.Repeat("${1 + 1}, ", 5000) + "\"\n}\n" + minimal, ""},
		"many locals":   {"locals {\n  a0 = 1\n" + manyLocals(5000) + "}\n" + minimal, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, report := load(t, options(), c.text)
			got := report.String()
			if c.want == "" && report.HasErrors() || !strings.Contains(got, c.want) || c.want != "" && len(report.Diagnostics) != 1 {
				t.Errorf("want %q, got %.2000s", c.want, got)
			}
		})
	}
}

// manyLocals is a chain of locals, each of which needs the one before.
func manyLocals(n int) string {
	var b strings.Builder
	name := func(i int) string {
		return "a" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + "_" + strings.Repeat("i", i%3) + itoa(i)
	}
	for i := n; i > 0; i-- {
		prev := name(i - 1)
		if i == 1 {
			prev = "a0"
		}
		b.WriteString("  " + name(i) + " = local." + prev + "\n")
	}
	return b.String()
}

func itoa(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + itoa(i%10)
}

// TestTooLargeSecret reads a secret file that never ends.
func TestTooLargeSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, []byte(strings.Repeat("CANARY", 1<<18)), 0o600); err != nil {
		t.Fatal(err)
	}
	o := config.Options{Env: env}
	for _, p := range []string{path, "/dev/zero"} {
		_, report := load(t, o, strings.Replace(minimal, "tables", "password = file(\""+p+"\")\ntables", 1))
		if !strings.Contains(report.String(), "is larger than 1MiB") {
			t.Errorf("%s: %s", p, report)
		}
		searchCanaries(t, report)
	}
}

func TestFormatOfDeepNesting(t *testing.T) {
	deep := "x = " + strings.Repeat("(", 200<<10) + "\n"
	if got := config.Format([]byte(deep)); len(got) < len(deep) {
		t.Errorf("%d bytes of %d are left", len(got), len(deep))
	}
}
