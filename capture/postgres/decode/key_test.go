package decode

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
		key, _ := keyOf(m, strings.Fields(c.configured), &description{key: primary}, exists)
		var got []string
		for _, i := range key {
			got = append(got, m.Columns[i].Name)
		}
		if !slices.Equal(got, strings.Fields(c.wantKey)) {
			t.Errorf("%s: the key is %v, want %v", c.name, got, c.wantKey)
		}
	}
}

// What a server that does not publish generated columns leaves out of a key.
func TestKeyOfCut(t *testing.T) {
	for _, c := range []struct {
		name                string
		identity            byte
		columns             string // of the message; flagged ones with !
		configured, primary string
		index               string // the columns of an index as the identity
		late                bool   // the primary key is deferrable
		required            bool   // the generated column g is NOT NULL
		lost                string
		old                 bool
	}{
		{"all", 'd', "a b", "", "g", "", false, true, "g", false},
		{"a part", 'd', "a! b", "", "a g", "", false, true, "g", false},
		{"deferrable", 'd', "a b", "", "g", "", true, true, "g", false},
		{"full", 'f', "a! b!", "", "a g", "", false, true, "g", false},
		{"full, and the file's", 'f', "a! b!", "a", "a g", "", false, true, "", false},
		{"the file's is generated", 'f', "a! b!", "g", "a", "", false, true, "g", false},
		{"the file's is not in old rows", 'd', "a! b", "a b", "a g", "", false, true, "g", true},
		{"the file's is in old rows", 'd', "a! b", "a", "a g", "", false, true, "", true},
		{"a plain one since, which is no part", 'd', "a b", "", "a", "", false, true, "g", false},
		{"a plain one since, of which it was a part", 'd', "a! b", "", "a b", "", false, true, "g", false},
		{"another one since, nothing NOT NULL", 'd', "a! b", "", "a b", "", false, false, "", false},
		{"none since", 'd', "a! b", "", "", "", false, true, "g", false},
		{"in no key", 'd', "a! b", "", "a", "", false, true, "", false},
		{"deferrable and plain", 'd', "a b", "", "a", "", true, true, "", false},
		{"none", 'd', "a b", "", "", "", false, true, "", false},
		{"index, no key", 'i', "a! b", "", "", "a g", false, true, "g", true},
		{"index which has the primary key", 'i', "a! b", "", "a", "a g", false, true, "", true},
		{"index which does not have the primary key", 'i', "a! b", "", "b", "a g", false, true, "g", true},
		{"index in place of the primary key", 'i', "a! b", "", "g", "a", false, true, "", false},
		{"index, as the primary key", 'i', "a! b", "", "g", "a g", false, true, "g", false},
	} {
		m := &pgoutput.Relation{Identity: c.identity}
		for _, name := range strings.Fields(c.columns) {
			name, key := strings.CutSuffix(name, "!")
			m.Columns = append(m.Columns, pgoutput.Column{Name: name, Key: key})
		}
		d := &description{
			key: strings.Fields(c.primary), identity: strings.Fields(c.index),
			columns: []attr{{Name: "a", Required: true}, {Name: "b", Required: true}, {Name: "g", Generated: true, Required: c.required}},
		}
		if c.late {
			d.late = [][]string{d.key}
		}
		_, cut := keyOf(m, strings.Fields(c.configured), d, true)
		if !slices.Equal(cut.columns, strings.Fields(c.lost)) || c.lost != "" && cut.old != c.old {
			t.Errorf("%s: lacks %+v, want %q, of old rows only %v", c.name, cut, c.lost, c.old)
		}
	}
}
