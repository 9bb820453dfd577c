package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type described struct {
	Labels []string `hcl:"labels,optional"`
}

type describedParts struct {
	Wait  Duration    `hcl:"wait"`
	Bound Size        `hcl:"bound,optional"`
	When  *Expression `hcl:"when,optional"`
}

type describedSettings struct {
	describedParts
	Password Credential        `hcl:"password,optional"`
	Token    Secret            `hcl:"token,optional"`
	Tables   Texts             `hcl:"tables,optional"`
	Names    []string          `hcl:"names,optional"`
	Extra    map[string]string `hcl:"extra,optional"`
	Max      *int              `hcl:"max,optional"`
	On       bool              `hcl:"on,optional"`
	Text     string            `hcl:"text,optional"`
	Inner    []described       `hcl:"inner,block"`
	Outer    described         `hcl:"outer,block"`
	Name     string            `hcl:"name,label"`
}

// TestDescribe has each type of value, embedded fields in their places, and nested blocks with and without defaults.
func TestDescribe(t *testing.T) {
	five := 5
	kinds := Kinds{Sinks: map[string]func() any{"x": func() any {
		return &describedSettings{
			describedParts: describedParts{Wait: Duration(time.Minute), Bound: 1 << 20}, Token: "hidden", Names: []string{"a", "b"},
			Max: &five, Text: "t", Outer: described{Labels: []string{"l"}},
		}
	}}}
	all := Describe(kinds)
	if len(all) != 3 || all[0].Name != "daemon" || all[1].Name != "pipeline" || all[2].Name != `sink "x"` {
		t.Fatalf("blocks: %+v", all)
	}
	var got []string
	for _, a := range all[2].Attributes {
		got = append(got, a.Type+"."+a.Field+" "+a.Name+" "+a.Value+" "+a.Default)
	}
	want := []string{
		`describedParts.Wait wait duration "1m"`, `describedParts.Bound bound size "1MiB"`, "describedParts.When when expression ",
		"describedSettings.Password password secret ", "describedSettings.Token token secret ", "describedSettings.Tables tables text or list ",
		`describedSettings.Names names list ["a", "b"]`, "describedSettings.Extra extra map ", "describedSettings.Max max number 5",
		"describedSettings.On on boolean false", `describedSettings.Text text text "t"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(- wanted, + got)\n%s", d)
	}
	if a := all[2].Attributes[0]; !a.Required || a.Package != "github.com/tailrace/tailrace/config" || all[2].Attributes[1].Required {
		t.Errorf("attribute: %+v", a)
	}
	blocks := all[2].Blocks
	if len(blocks) != 2 || blocks[0].Name != `sink "x" inner` || blocks[1].Attributes[0].Default != `["l"]` || blocks[0].Attributes[0].Default != "" {
		t.Errorf("nested blocks: %+v", blocks)
	}
}
