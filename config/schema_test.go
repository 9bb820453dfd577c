package config_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
)

// shared is embedded, as settings that several kinds have in common.
type shared struct {
	Host string `hcl:"host,optional"`
}

// every has each type that settings may have.
type every struct {
	shared
	Text      string             `hcl:"text,optional"`
	Bool      bool               `hcl:"bool,optional"`
	Int       int                `hcl:"int,optional"`
	Int64     int64              `hcl:"int64,optional"`
	Float     float64            `hcl:"float,optional"`
	List      []string           `hcl:"list,optional"`
	Texts     config.Texts       `hcl:"texts,optional"`
	Listed    config.Texts       `hcl:"listed,optional"`
	Map       map[string]string  `hcl:"map,optional"`
	Duration  *config.Duration   `hcl:"duration,optional"`
	Size      *config.Size       `hcl:"size,optional"`
	Secret    *config.Secret     `hcl:"secret,optional"`
	Expr      *config.Expression `hcl:"expr,optional"`
	Connected string             `hcl:"connection,optional"`
	One       *inner             `hcl:"one,block"`
	Many      []*inner           `hcl:"many,block"`
	Label     string             `hcl:"label,label"`
	untagged  int
	at        config.Positions
}

type inner struct {
	A     string  `hcl:"a,label"`
	B     string  `hcl:"b,label"`
	Inner *inner2 `hcl:"inner,block"`
}

type inner2 struct {
	X int `hcl:"x"`
}

func (e *every) CheckSettings(at config.Positions) hcl.Diagnostics {
	e.at = at
	return nil
}

func TestEveryType(t *testing.T) {
	k := kinds()
	k.Sinks["every"] = func() any { return &every{List: []string{"default"}, untagged: 7} }
	write := func(body string) string {
		return strings.Replace(minimal, `sink "stdout" "out" {}`, "sink \"every\" \"e\" {\n"+body+"  }", 1)
	}
	path := t.TempDir() + "/f.hcl"
	writeFile(t, path, "connection \"every\" \"c\" {\n  int64 = 1\n  many \"c\" \"d\" {}\n}\n"+write(`
    connection = "c"
    host       = "h"
    text       = 5
    bool       = "true"
    int        = "-5"
    int64      = 9223372036854775807
    float      = "0.5"
    map        = { a = 1, "b.c" = true }
    duration   = "never"
    size       = "1KiB"
    secret     = "x"
    expr       = table.name
    texts      = "public.orders"
    listed     = ["a", 2]
    one "a" "b" {
      inner { x = 1 }
    }
    many "a" "b" {}
    many "c" "d" {}
`))
	f, report := config.Load([]string{path}, k, options())
	if report.HasErrors() {
		t.Fatal(report)
	}
	e := f.Pipelines[0].Sinks[0].Settings.(*every)
	if e.Host != "h" || e.Text != "5" || !e.Bool || e.Int != -5 || e.Int64 != 1<<63-1 || e.Float != 0.5 || e.List[0] != "default" ||
		e.Map["b.c"] != "true" || e.Map["a"] != "1" || *e.Duration != config.Never || *e.Size != 1024 || *e.Secret != "x" ||
		e.Connected != "c" || e.Label != "e" || e.Expr.Range().Start.Line != 23 || len(e.Texts) != 1 ||
		e.Texts[0] != "public.orders" || len(e.Listed) != 2 || e.Listed[1] != "2" || e.untagged != 7 {
		t.Errorf("%+v", e)
	}
	if e.One.B != "b" || e.One.Inner.X != 1 || len(e.Many) != 2 || e.Many[1].A != "c" {
		t.Errorf("%+v %+v", e.One, e.Many)
	}
	if e.at.At("text").Start.Line != 14 || e.at.At("list").Start.Line != 10 || e.at.At("one").Start.Line != 26 ||
		!e.at.Given("one") || e.at.Given("list") || !e.at.Known("list") {
		t.Errorf("positions: %+v", e.at)
	}
}

// TestWrongTagsPanic: a wrong tag is a mistake in the program, found by the first test that loads the kind.
func TestWrongTagsPanic(t *testing.T) {
	for name, settings := range map[string]any{
		"type": &struct {
			A []int `hcl:"a"`
		}{},
		"uint": &struct {
			A uint `hcl:"a"`
		}{},
		"expression": &struct {
			A config.Expression `hcl:"a"`
		}{},
		"block": &struct {
			A string `hcl:"a,block"`
		}{},
		"option": &struct {
			A string `hcl:"a,remain"`
		}{},
		"nested": &struct {
			A struct {
				B chan int `hcl:"b"`
			} `hcl:"a,block"`
		}{},
		"inner option": &struct {
			A []struct {
				B string `hcl:"b,attr"`
			} `hcl:"a,block"`
		}{},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			k := kinds()
			k.Sinks["wrong"] = func() any { return settings }
			config.Load(nil, k, options())
		}()
	}
}
