package pipeline

import (
	"testing"
	"testing/synctest"
	"time"
)

// A state keeps its Since while its name stays, whatever its reason.
func TestSinceOfAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h StateHolder
		var since time.Time
		for _, c := range []struct {
			to   State
			want Change
		}{
			{State{Name: "starting", Kind: OK}, NewName},
			{State{Name: "gap", Kind: Halted, Reason: "up to 0/10"}, NewName},
			{State{Name: "gap", Kind: Halted, Reason: "up to 0/10"}, Same},
			{State{Name: "gap", Kind: Halted, Reason: "up to 0/20", Fix: "accept it"}, NewReason},
			{State{Name: "streaming", Kind: OK}, NewName},
		} {
			time.Sleep(time.Second)
			if got := h.Enter(c.to); got != c.want {
				t.Errorf("%+v: the change is %d, want %d", c.to, got, c.want)
			}
			if c.want == NewName {
				since = time.Now().UTC()
			}
			want := c.to
			want.Since = since
			if got := h.Now(); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	})
}
