package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/manual"
)

const (
	configuration = "../../docs/configuration.md"
	module        = "github.com/tailrace/tailrace"
)

// TestTheManualHasEverySetting compares the tables of the manual with the settings and their comments. GOLDEN=1 writes the tables (`make manual`).
func TestTheManualHasEverySetting(t *testing.T) {
	text := read(t, configuration)
	updated, problems := manual.Update(text, config.Describe(kinds().Config()), module, "../..")
	for _, err := range problems {
		t.Error(err)
	}
	if os.Getenv("GOLDEN") != "" {
		if err := os.WriteFile(configuration, []byte(updated), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(text, updated); d != "" {
		t.Errorf("the tables of docs/configuration.md are not those of the settings (- document, + settings):\n%s\n"+
			"Correct the comments of the fields, then write the tables with `make manual`.", d)
	}
}

// TestTheManualNamesWhatThereIs looks in the prose of the manual for settings that no block has.
func TestTheManualNamesWhatThereIs(t *testing.T) {
	for _, code := range manual.UnknownNames(read(t, configuration), config.Describe(kinds().Config())) {
		t.Errorf("docs/configuration.md has %s, which no block has: correct the name, or remove it", code)
	}
}

// TestTheExamplesOfTheManualAreValid checks each example by itself.
func TestTheExamplesOfTheManualAreValid(t *testing.T) {
	examples := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(read(t, configuration), -1)
	if len(examples) < 2 {
		t.Fatalf("the manual has %d examples", len(examples))
	}
	for _, e := range examples {
		r := tailrace(t, "check", "-offline", place(t, "example.hcl", e[1]))
		if r.code != done {
			t.Errorf("%s\n%s", strings.TrimSpace(e[1]), r.err)
		}
	}
}
