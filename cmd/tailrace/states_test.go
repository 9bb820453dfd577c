package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEveryStateIsInTheManual compares the named states of the code with docs/operations.md, in both directions.
func TestEveryStateIsInTheManual(t *testing.T) {
	coded := map[string]string{} // state to place
	for _, dir := range []string{"capture", "sink", "internal/kafkaconnect", "internal/pgconnect", "internal/pipeline", "internal/daemon", "transform"} {
		err := filepath.WalkDir("../../"+dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "sinktest") {
				collectStates(t, path, coded)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, section, _ := strings.Cut(read(t, "../../docs/operations.md"), "## Named states")
	section, _, _ = strings.Cut(section, "\n## ")
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `[^|]*\\|").FindAllString(section, -1) {
		for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row, -1) {
			told[m[1]] = true
		}
	}
	for _, state := range slices.Sorted(maps.Keys(coded)) {
		if !told[state] {
			t.Errorf("docs/operations.md does not tell of %s (%s)", state, coded[state])
		}
	}
	for _, state := range slices.Sorted(maps.Keys(told)) {
		if coded[state] == "" {
			t.Errorf("docs/operations.md tells of %s, which no code has", state)
		}
	}
}

// collectStates finds the literals that become names of states: State and Name of a Problem and a State, and what the
// functions are given that make one.
func collectStates(t *testing.T, path string, found map[string]string) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	note := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			name, _ := strconv.Unquote(l.Value)
			found[name] = files.Position(l.Pos()).String()
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			field := map[string]string{"Problem": "State", "State": "Name"}[lastName(n.Type)]
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && (field != "" && lastName(kv.Key) == field || lastName(n.Type) == "sideStates") {
					note(kv.Value)
				}
			}
		case *ast.CallExpr:
			at, makes := map[string]int{"refusal": 0, "Refusal": 0, "refuseSlot": 0, "add": 1, "stateOf": 1}[lastName(n.Fun)]
			if makes && len(n.Args) > at && (lastName(n.Fun) != "add" || strings.HasSuffix(path, "server.go")) {
				note(n.Args[at])
			}
		case *ast.ValueSpec: // the start rule's are constants
			for _, v := range n.Values {
				if l, ok := v.(*ast.BasicLit); ok && strings.Contains(path, "startrule") && !strings.Contains(l.Value, " ") {
					note(v)
				}
			}
		case *ast.AssignStmt: // s.State.Name = "snapshot"
			if x, ok := n.Lhs[0].(*ast.SelectorExpr); ok && x.Sel.Name == "Name" && lastName(x.X) == "State" {
				note(n.Rhs[0])
			}
		}
		return true
	})
}

// lastName is the last word of a type or an expression: Problem of capture.Problem.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
