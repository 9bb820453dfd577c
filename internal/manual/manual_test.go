package manual

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/config"
)

const source = `package shop

// Settings is a shop block.
type Settings struct {
	// Host and port, such as
	// ` + "`a:1|b:2`" + `.
	//
	// Value: address
	//
	// Default: the next one
	Addr string
	Open bool // Whether it is open.
	Bare string
}
`

// shop is a block with a nested one. Its fields are those of source.
func shop(fields ...string) []config.BlockType {
	attributes := map[string]config.Attribute{
		"Addr":  {Name: "addr", Value: "text"},
		"Open":  {Name: "open", Value: "boolean", Default: "true"},
		"Bare":  {Name: "bare", Value: "text"},
		"Twice": {Name: "twice", Value: "text", Default: `"y"`},
	}
	b := config.BlockType{Name: `sink "shop"`}
	for _, f := range fields {
		a := attributes[f]
		a.Package, a.Type, a.Field = "example.org/m/shop", "Settings", f
		b.Attributes = append(b.Attributes, a)
	}
	return []config.BlockType{b}
}

func update(t *testing.T, document string, blocks []config.BlockType) (string, string) {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "shop"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "shop", "settings.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	text, problems := Update(document, blocks, "example.org/m", root)
	var all []string
	for _, p := range problems {
		all = append(all, p.Error())
	}
	return text, strings.Join(all, "\n")
}

func TestUpdateWritesTheTables(t *testing.T) {
	got, problems := update(t, "before\n<!-- settings: sink \"shop\" -->\nold\n<!-- end of settings -->\nafter\n", shop("Addr", "Open"))
	want := "before\n<!-- settings: sink \"shop\" -->\n| attribute | value | default | |\n|---|---|---|---|\n" +
		"| `addr` | address | the next one | Host and port, such as `a:1\\|b:2`. |\n" +
		"| `open` | boolean | `true` | Whether it is open. |\n" +
		"| `connection` | text | none | Name of a `connection \"shop\"` block. |\n<!-- end of settings -->\nafter\n"
	if d := cmp.Diff(want, got); d != "" || problems != "" {
		t.Errorf("problems %q (- wanted, + got)\n%s", problems, d)
	}
}

func TestWhatAManualCannotHave(t *testing.T) {
	section := "<!-- settings: sink \"shop\" -->\n<!-- end of settings -->\n"
	for _, c := range []struct {
		name, document, want string
		blocks               []config.BlockType
	}{
		{"no description", section, `attribute bare of sink "shop" (field Bare of struct Settings in example.org/m/shop): it has no description`, shop("Bare")},
		{"no section", "", `there is no section for sink "shop": write these two lines`, shop("Addr")},
		{"no such block", section + strings.ReplaceAll(section, "shop", "shed"), `there is a section for the settings of sink "shed", and no block`, shop("Addr")},
		{"no such package", section, "has no description", []config.BlockType{{Name: `sink "shop"`, Attributes: []config.Attribute{{Package: "example.org/m/none"}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := update(t, c.document, c.blocks); !strings.Contains(got, c.want) {
				t.Errorf("problems: %q", got)
			}
		})
	}
	err := check(config.Attribute{Default: `"y"`, Value: "text"}, parseComment("Said twice.\n\nDefault: x"))
	if err == nil || !strings.Contains(err.Error(), `the settings have the default "y"`) {
		t.Errorf("a default that the comment repeats: %v", err)
	}
}

func TestUnknownNames(t *testing.T) {
	const document = "`addr = \"x\"`, `adr = \"x\"`, `sink \"shop\" \"a\" { addrs = 1 }`, `addr { ... }`, `shelf { ... }`, `a == b`, `row.x`, `sink { ... }`"
	want := []string{"`adr = \"x\"`", "`sink \"shop\" \"a\" { addrs = 1 }`", "`shelf { ... }`"}
	if d := cmp.Diff(want, UnknownNames(document, shop("Addr"))); d != "" {
		t.Errorf("(- wanted, + got)\n%s", d)
	}
	if got := UnknownNames("`adr = 1`", shop("Addr"), "adr"); got != nil {
		t.Errorf("a name of other documents: %q", got)
	}
}
