package postgres

import (
	"testing"
)

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
