package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

func TestKeyOf(t *testing.T) {
	for _, c := range []struct {
		name                         string
		identity                     byte
		columns                      string // flagged ones with !
		configured, primary, wantKey string
	}{
		{"primary key", 'd', "a! b c", "", "a", "a"},
		{"in the order of the index", 'd', "a! b! c", "", "b a", "b a"},
		{"none", 'd', "a b", "", "", ""},
		{"deferrable: not flagged", 'd', "a b", "", "b", "b"},
		{"renamed since", 'd', "a! b", "", "z", "a"},
		{"one of two renamed since", 'd', "a! b! c", "", "b z", "a b"},
		{"another one since", 'd', "a! b", "", "b", "a"},
		{"extended since", 'd', "a! b", "", "a b", "a"},
		{"cut since", 'd', "a! b!", "", "a", "a b"},
		{"added since", 'd', "a b", "", "a", "a"},
		{"added since, to a new column", 'd', "a b", "", "z", ""},
		{"dropped since", 'd', "a! b", "", "", "a"},
		{"table gone", 'd', "a! b!", "", "gone", "a b"},
		{"full flags all", 'f', "a! b! c!", "", "b a", "b a"},
		{"full, renamed since", 'f', "a! b!", "", "z", ""},
		{"full, table gone", 'f', "a! b!", "", "gone", ""},
		{"full, no key", 'f', "a! b!", "", "", ""},
		{"index of another column", 'i', "a b!", "", "a", "a"},
		{"index, key renamed since", 'i', "a b!", "", "z", "b"},
		{"index, no primary key", 'i', "a b!", "", "", ""},
		{"index, table gone", 'i', "a b!", "", "gone", "b"},
		{"nothing", 'n', "a b", "", "a", "a"},
		{"nothing, renamed since", 'n', "a b", "", "z", ""},
		{"the file's", 'd', "a! b c", "c b", "a", "c b"},
		{"the file's over full", 'f', "a! b!", "b", "a", "b"},
		{"the file's is not there", 'd', "a! b", "z", "a", "a"},
	} {
		m := &pgoutput.Relation{Identity: c.identity}
		for _, name := range strings.Fields(c.columns) {
			name, key := strings.CutSuffix(name, "!")
			m.Columns = append(m.Columns, pgoutput.Column{Name: name, Key: key})
		}
		primary, exists := strings.Fields(c.primary), true
		if c.primary == "gone" {
			primary, exists = nil, false
		}
		var got []string
		for _, i := range keyOf(m, strings.Fields(c.configured), primary, exists) {
			got = append(got, m.Columns[i].Name)
		}
		if !slices.Equal(got, strings.Fields(c.wantKey)) {
			t.Errorf("%s: the key is %v, want %v", c.name, got, c.wantKey)
		}
	}
}
