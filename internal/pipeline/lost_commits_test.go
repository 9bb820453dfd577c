package pipeline

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// replica is a transactional sink; nothing else of it is called.
type replica struct{ sink.Sink }

func (replica) Transactional() {}

// A promotion that lost commits whose events were sent is said once, with their range, unless the sink's record is written with
// the events.
func TestWarningOfLostCommits(t *testing.T) {
	promoted := capture.Origin{System: 7, Timeline: 2, History: []capture.Timeline{{ID: 1, End: 100}}}
	for name, c := range map[string]struct {
		sent   capture.LSN
		now    capture.Origin
		atomic bool
		want   int
	}{
		"lost":                      {sent: 130, now: promoted, want: 1},
		"lost, promoted twice":      {sent: 130, now: capture.Origin{System: 7, Timeline: 3, History: []capture.Timeline{{ID: 1, End: 100}, {ID: 2, End: 140}}}, want: 1},
		"ends where the branch is":  {sent: 100, now: promoted},
		"nothing sent":              {now: promoted},
		"the same timeline":         {sent: 130, now: capture.Origin{System: 7, Timeline: 1}},
		"another cluster":           {sent: 130, now: capture.Origin{System: 8, Timeline: 2, History: promoted.History}},
		"record is with the events": {sent: 130, now: promoted, atomic: true},
	} {
		core, log := observer.New(zapcore.WarnLevel)
		r := &sinkRunner{log: zap.New(core), origin: capture.Origin{System: 7, Timeline: 1}, lastEventEnd: capture.Position{LSN: c.sent}}
		if c.atomic {
			r.sink = replica{}
		}
		for range 2 {
			r.warnOfLostCommits(c.now)
		}
		if log.Len() != c.want {
			t.Errorf("%s: %d warnings", name, log.Len())
		}
		for _, e := range log.All() {
			if f := e.ContextMap(); f["after"] != "0/64" || f["up to"] != "0/82" || f["timeline"] != uint32(1) {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
}
