package problem

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

func TestNamed(t *testing.T) {
	own := &capture.Problem{State: "slot_missing"}
	for _, c := range []struct {
		name  string
		err   error
		state string // "": no problem
	}{
		{"of the server", &pgconn.PgError{Code: "57P03"}, "source_starting"},
		{"of the slot", &pgconn.PgError{Code: "55006"}, "slot_active"},
		{"of a limit", &pgconn.PgError{Code: "53400"}, "server_limit"},
		{"a problem already", fmt.Errorf("wrapped: %w", own), "slot_missing"},
		{"unknown", &pgconn.PgError{Code: "22012"}, ""},
		{"the end of a context", fmt.Errorf("%w: %w", context.Canceled, &pgconn.PgError{Code: "57P03"}), ""},
	} {
		err := Named("start slot s", c.err)
		p := capture.AsProblem(err)
		if state := ""; p != nil && p.State != c.state || p == nil && c.state != state {
			t.Errorf("%s: %v, want %q", c.name, err, c.state)
		}
		if p == nil && !errors.Is(err, c.err) {
			t.Errorf("%s: %v does not wrap %v", c.name, err, c.err)
		}
	}
	if err := Named("start slot s", nil); err != nil {
		t.Errorf("no error becomes %v", err)
	}
}

func TestNamedRead(t *testing.T) {
	for message, state := range map[string]string{
		"invalid memory alloc request size 2147483648": "value_too_large",
		"out of memory":       "value_too_large",
		"cache lookup failed": "",
		"cannot enlarge string buffer containing 1 bytes": "value_too_large",
	} {
		p := capture.AsProblem(NamedRead("copy t", &pgconn.PgError{Code: "XX000", Message: message}))
		if p == nil && state != "" || p != nil && p.State != state {
			t.Errorf("%s: %v, want %q", message, p, state)
		}
	}
}

func TestRefusal(t *testing.T) {
	for fix, want := range map[string]string{
		"-- set key":                    "set key",
		"-- set key\n-- or drop it":     "set key\nor drop it",
		"ALTER TABLE t;\n-- or drop it": "ALTER TABLE t;\n-- or drop it",
	} {
		if p := Refusal("state", "reason", fix); p.Fix != want || !p.Halted || !p.Usage {
			t.Errorf("fix %q becomes %+v", fix, p)
		}
	}
}

func TestTogether(t *testing.T) {
	first, second := Refusal("a", "one", "fix 1"), Refusal("b", "two", "fix 2")
	if err := Together([]error{first}); !errors.Is(err, first) {
		t.Errorf("one error becomes %v", err)
	}
	p := capture.AsProblem(Together([]error{first, second, errors.New("three"), second}))
	if p == nil || p.State != "a" || p.Fix != "fix 1\nfix 2\nfix 2" {
		t.Errorf("%+v", p)
	}
	if first.Reason != "one" {
		t.Errorf("the first problem was changed: %q", first.Reason)
	}
}
