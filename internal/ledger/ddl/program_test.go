package ddl

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestSeedRepeats expects the same statements for a seed, whatever has run before, and the same program from its text.
func TestSeedRepeats(t *testing.T) {
	for seed := range uint64(50) {
		p := Generate(seed, Kinds())
		if again := Generate(seed, Kinds()); again.String() != p.String() {
			t.Fatalf("seed %d: two programs:\n%s\n%s", seed, p, again)
		}
		read, err := Parse(p.String())
		if err != nil || read.String() != p.String() {
			t.Fatalf("seed %d: %v, the text is another program:\n%s\n%s", seed, err, p, read)
		}
	}
	if Generate(1, Kinds()).String() == Generate(2, Kinds()).String() {
		t.Error("two seeds have one program")
	}
}

// TestStatementsAreTaken runs the statements of programs with all kinds of DDL, without a daemon.
func TestStatementsAreTaken(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	seeds := uint64(4)
	if n, err := strconv.ParseUint(os.Getenv("TAILRACE_DDL_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	var verbs []string
	for seed := range seeds {
		server := testenv.SharedPostgres(t, versions[seed%2])
		s := &Stage{Dir: t.TempDir(), Source: server.URL(testenv.NewDatabase(t, server)), Target: server.URL()}
		if err := s.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		for _, a := range Generate(seed, Kinds()) {
			verbs = append(verbs, a.Verb)
			if a.Verb != Do && a.Verb != Tx {
				continue
			}
			var f *Fault
			if err := s.execute(t.Context(), a); errors.As(err, &f) {
				t.Errorf("seed %d: %v", seed, f)
				break
			}
		}
	}
	for _, v := range []string{Set, Do, Tx, Start, Kill, Sync, Settle} {
		if !slices.Contains(verbs, v) {
			t.Errorf("no program has %s", v)
		}
	}
}

func TestParseKinds(t *testing.T) {
	for list, want := range map[string][]string{
		"": Holding, "all": Kinds(), "add,drop": {"add", "drop"}, "add,drop,-add": {"drop"}, "nothing": nil, "add,-add": nil, "-nothing": nil,
	} {
		have, err := ParseKinds(list)
		if !slices.Equal(have, want) || (err != nil) != (want == nil) {
			t.Errorf("%q: have %v, %v, want %v", list, have, err, want)
		}
	}
	for _, name := range Holding {
		if !slices.Contains(Kinds(), name) {
			t.Errorf("%s is no kind", name)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"jump", "start now", "do", "tx", "set"} {
		if p, err := Parse(text); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
}
