package latency

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/bench/tool"
)

func TestNumber(t *testing.T) {
	for key, want := range map[string]int64{`{"id":42}`: 42, `{"id":"1007","b":3}`: 1007, "5": 5, "": 0, "{}": 0} {
		if got := number([]byte(key)); got != want {
			t.Errorf("number(%q) = %d, want %d", key, got, want)
		}
	}
}

// Records of other phases and repetitions do not count; a record may arrive before its commit has returned.
func TestPhase(t *testing.T) {
	const n = 1000
	p, began := NewPhase(101, n), time.Now()
	for i := range n {
		p.returned[i].Store(began.UnixNano())
	}
	for i := int64(n) - 1; i >= 0; i-- {
		select {
		case <-p.done:
			t.Fatalf("done with %d to come", i+1)
		default:
		}
		at := began.Add(time.Duration(i-10) * time.Millisecond)
		p.Arrive(101+i, at)
		p.Arrive(101+i, at.Add(time.Hour))
		p.Arrive(100, at)
		p.Arrive(101+n, at)
	}
	<-p.done
	for key, want := range map[string]float64{"p50": 490, "p90": 890, "p99": 980, "p999": 989, "max": 989} {
		if got := p.percentiles()[key]; math.Abs(got-want) > 1e-6 {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

// Missing rows end a phase long before its limit.
func TestStalledPhase(t *testing.T) {
	p := NewPhase(1, 10)
	for id := range int64(4) {
		p.Arrive(1+id, time.Now())
	}
	err := p.wait(t.Context(), tool.NewStall(200*time.Millisecond, nil))
	if !errors.Is(err, tool.ErrStalled) || !strings.HasPrefix(err.Error(), "stalled at 4 of 10 rows") {
		t.Errorf("the end of the phase is %v", err)
	}
}
