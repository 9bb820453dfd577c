package ddl

import (
	"math/rand/v2"
	"slices"
)

// Generate returns the program of a seed with the given kinds of DDL.
func Generate(seed uint64, chosen []string) Program {
	g := &generator{model: &model{Rand: rand.New(rand.NewPCG(seed, 0))}}
	for _, k := range kinds {
		if slices.Contains(chosen, k.name) {
			g.kinds = append(g.kinds, k)
		}
	}
	if g.IntN(2) == 0 {
		g.set("add_columns")
	}
	if g.IntN(6) > 0 {
		g.set("restart")
	}
	for _, sql := range g.setup() {
		g.statements(Do, sql)
	}
	g.verb(Start)
	for range 1 + g.IntN(2) {
		g.round()
	}
	return g.program
}

type generator struct {
	*model
	kinds   []kind
	program Program
	down    string // the verb that brings the daemon back: Start, Wake; "" while it runs
}

func (g *generator) set(argument string) {
	g.program = append(g.program, Action{Verb: Set, Argument: argument})
}
func (g *generator) verb(verb string) { g.program = append(g.program, Action{Verb: verb}) }
func (g *generator) statements(verb string, sql ...string) {
	g.program = append(g.program, Action{Verb: verb, Statements: sql})
}

// round adds some transactions among faults, and ends with rows of every table and a comparison.
func (g *generator) round() {
	for range 3 + g.IntN(6) {
		g.fault()
		g.transaction()
		if g.down == "" && g.IntN(3) == 0 {
			g.verb(Sync)
		}
	}
	g.statements(Tx, g.touch()...)
	g.back()
	g.verb(Settle)
}

// fault stops the daemon, or brings it back.
func (g *generator) fault() {
	switch n := g.IntN(12); {
	case g.down != "":
		if n < 4 {
			g.back()
		}
	case n == 0:
		g.verb(Kill)
		g.down = Start
	case n == 1:
		g.verb(Freeze)
		g.down = Wake
	case n == 2:
		g.verb(Takeover)
	case n == 3:
		g.verb(Kill)
		g.verb(Start)
	}
}

func (g *generator) back() {
	if g.down != "" {
		g.verb(g.down)
	}
	g.down = ""
}

// transaction adds DDL, rows, or both.
func (g *generator) transaction() {
	var sql []string
	for range 1 + g.IntN(4) {
		t := one(g.model, g.tables)
		if g.IntN(2) > 0 {
			if !t.quiet {
				sql = append(sql, g.row(t))
			}
			continue
		}
		k := one(g.model, g.kinds)
		if !k.alone {
			sql = append(sql, k.make(g.model, t)...)
			continue
		}
		g.flush(sql)
		sql = nil
		for _, s := range k.make(g.model, t) {
			g.statements(Do, s)
		}
	}
	g.flush(sql)
}

func (g *generator) flush(sql []string) {
	if len(sql) > 0 {
		g.statements(Tx, sql...)
	}
}
