package postgres

import (
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestTreesInStates(t *testing.T) {
	if got := string(withTrees(stateDone, "")); got != string(stateDone) {
		t.Errorf("a state without trees is %s", got)
	}
	const trees = "1.0.AAAA"
	state := withTrees(statePending, trees)
	if r := (capture.Record{State: state}); !pending(&r) || recordedTrees(state) != trees {
		t.Errorf("state %s", state)
	}
	if !slices.Equal(withTrees(state, ""), statePending) {
		t.Errorf("state %s", withTrees(state, ""))
	}
}

func TestJoinsInStates(t *testing.T) {
	const list, trees = "1.0.", "1.0.AAAA"
	state := withJoins(withTrees(statePending, trees), list)
	if recordedJoins(state) != list || recordedTrees(state) != trees {
		t.Errorf("the state is %s", state)
	}
	for _, s := range [][]byte{finished(state), withTrees(state, trees)} {
		if recordedJoins(s) != list || recordedTrees(s) != trees {
			t.Errorf("%s of %s", s, state)
		}
	}
	if s := string(finished(nil)); s != string(stateDone) {
		t.Errorf("no state ends as %s", s)
	}
}

// An acceptance replaces its own part of a record's state: two at once do not undo each other.
func TestAcceptedPartsOfAState(t *testing.T) {
	state := withJoins(withTrees(stateDone, "trees"), "joins")
	if got := withTrees(restated(state), "others"); recordedTrees(got) != "others" || recordedJoins(got) != "joins" {
		t.Errorf("%s", got)
	}
	if got := withJoins(restated(nil), "list"); recordedJoins(got) != "list" || recordedTrees(got) != "" || string(finished(got)) != string(got) {
		t.Errorf("%s", got)
	}
}
