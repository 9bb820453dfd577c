package startrule

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// aheadAt is the verdict of a sink that was found to be ahead when the slot was confirmed so far.
func aheadAt(confirmed capture.LSN) *sink.Verdict {
	v := verdict(AheadOfSource)
	v.Confirmed = confirmed
	return v
}

// A sink whose last commit nothing shows to be in the source is ahead of a source that another sink was ahead of. The record has
// its last commit at 0/4000, the slot is confirmed up to 0/3000.
func TestJudgeByAnotherSink(t *testing.T) {
	for _, c := range []struct {
		name  string
		other *sink.Verdict
		set   func(*Source, *Sink)
		want  string
		kept  bool
		knows capture.LSN // Confirmed of the verdict
	}{
		{name: "nothing stands", other: nil},
		{name: "another state stands", other: verdict(Gap)},
		{name: "ahead", other: aheadAt(0x3000), want: AheadOfSource, kept: true, knows: 0x3000},
		{
			name: "ahead among other verdicts", other: appendVerdict(verdict(PublicationAltered), *aheadAt(0x3000)), want: AheadOfSource, kept: true,
			knows: 0x3000,
		},
		{name: "the slot was confirmed less then", other: aheadAt(0x2800), want: AheadOfSource, kept: true, knows: 0x2800},
		{
			name: "the slot was advanced since", other: aheadAt(0x2800), want: AheadOfSource, kept: true, knows: 0x2800,
			set: func(s *Source, _ *Sink) { s.Slot.Confirmed = 0x4800 },
		},
		{name: "the slot has gone back since", other: aheadAt(0x4800), want: AheadOfSource, kept: true, knows: 0x3000},
		{
			name: "the slot was confirmed for the commit", other: aheadAt(0x4000),
			set: func(s *Source, _ *Sink) { s.Slot.Confirmed = 0x4000 },
		},
		{name: "of an older version", other: aheadAt(0), want: AheadOfSource, kept: true, knows: 0x3000},
		{
			name: "of an older version, the slot was confirmed for the commit", other: aheadAt(0),
			set: func(s *Source, _ *Sink) { s.Slot.Confirmed = 0x4000 },
		},
		{name: "the commit is there", other: aheadAt(0x3000), set: func(_ *Source, k *Sink) { k.Comparison.Commit = capture.CommitPresent }},
		{
			name: "the commit is not there", other: aheadAt(0x2800), want: AheadOfSource, kept: true, knows: 0x3000,
			set: func(_ *Source, k *Sink) { k.Comparison.Commit = capture.CommitAbsent },
		},
		{name: "no commit since the sink was accepted", other: aheadAt(0x2800), set: func(_ *Source, k *Sink) {
			k.Progress.Position, k.Progress.Commit = lsn(0x3000), capture.Commit{}
		}},
		{
			name: "a part of a commit", other: aheadAt(0x3000), want: AheadOfSource, kept: true, knows: 0x3000,
			set: func(_ *Source, k *Sink) {
				k.Progress.Position, k.Progress.Commit = capture.Position{LSN: 0x3000, Seq: 2}, capture.Commit{LSN: 0x3000}
			},
		},
		{name: "an older record", other: aheadAt(0x3000), want: AheadOfSource, kept: true, knows: 0x3000, set: func(_ *Source, k *Sink) {
			k.Progress.Origin.Database, k.Progress.Origin.Slot, k.Progress.Commit = capture.Database{}, "", capture.Commit{}
		}},
		{name: "while the stream runs", other: aheadAt(0x3000), set: func(s *Source, _ *Sink) { s.Running = true }},
		{name: "the lane makes its slot", other: aheadAt(0x3000), set: func(s *Source, _ *Sink) { s.Slot.New = true }},
		{name: "a standby", other: aheadAt(0x3000), want: AheadOfSource, set: func(s *Source, _ *Sink) { s.Slot.Recovering = true }},
		{
			name: "on another timeline", other: aheadAt(0x1800), want: AheadOfSource, kept: true, knows: 0x1800,
			set: func(s *Source, k *Sink) {
				s.Slot.Confirmed = 0x1800
				k.Progress.Origin.Timeline, k.Progress.Position, k.Progress.Commit.LSN = 2, lsn(0x2000), 0x2000
			},
		},
		{name: "a gap besides", other: aheadAt(0x2000), want: AheadOfSource, kept: true, knows: 0x2000, set: func(_ *Source, k *Sink) {
			k.Progress.Position, k.Progress.Commit.LSN = lsn(0x2FF8), 0x2F00
		}},
		{
			name: "ahead by itself before", other: aheadAt(0x2800), want: AheadOfSource, kept: true, knows: 0x2FF8,
			set: func(_ *Source, k *Sink) { k.Progress.Verdict = aheadAt(0x2FF8) },
		},
		{name: "no record", other: aheadAt(0x3000), want: NoRecord, set: func(_ *Source, k *Sink) {
			k.Progress = sink.Progress{Record: sink.RecordNone}
		}},
		{name: "no record can be kept", other: aheadAt(0x3000), set: func(_ *Source, k *Sink) {
			k.Progress = sink.Progress{Record: sink.RecordUnsupported}
		}},
		{name: "another cluster's record", other: aheadAt(0x3000), want: WrongCluster, set: func(_ *Source, k *Sink) { k.Progress.Origin.System = 8 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, k := Source{Origin: origin, Slot: slot}, Sink{Name: "bus", Progress: record(), Others: []*sink.Verdict{nil, c.other}}
			if c.set != nil {
				c.set(&src, &k)
			}
			d := CheckGap(src, k)
			state := ""
			if d.Problem != nil {
				state = d.Problem.State
			}
			if state != c.want || (d.Verdict != nil) != c.kept {
				t.Fatalf("%q, verdict %v", state, d.Verdict)
			}
			if v := d.Verdict.Find(AheadOfSource); v != nil && v.Confirmed != c.knows {
				t.Errorf("the verdict knows %s, want %s", v.Confirmed, c.knows)
			}
			if d.Record == nil || d.Verdict == nil {
				return
			}
			k.Progress, k.Others = *d.Record, nil
			if next := CheckGap(src, k); next.Problem == nil || next.Problem.State != state {
				t.Errorf("without the other sink the next look says %+v", next)
			}
			a, err := Accept(src, k, d.Problem)
			if err != nil {
				t.Fatal(err)
			}
			k.Progress, k.Others, k.Comparison.Commit = *a.Record, []*sink.Verdict{c.other}, capture.CommitUnknown
			if next := CheckGap(src, k); next.Problem != nil {
				t.Errorf("accepted, with the other sink's verdict: %+v", next)
			}
		})
	}
}

// A verdict of ahead_of_source tells how far the slot was confirmed, unless the lane makes its slot.
func TestAVerdictTellsOfTheSlot(t *testing.T) {
	for _, isNew := range []bool{false, true} {
		src, k := Source{Origin: origin, Slot: slot}, Sink{Name: "bus", Progress: record()}
		src.Slot.New, k.Progress.Position = isNew, lsn(0x9008)
		want := map[bool]capture.LSN{false: slot.Confirmed}[isNew]
		if v := CheckGap(src, k).Verdict; v == nil || v.Confirmed != want {
			t.Errorf("new: %v, verdict %+v", isNew, v)
		}
	}
}

// All sinks are judged by what stands for the others, in whichever order they come, and what they were judged by before does
// not count.
func TestCheckGaps(t *testing.T) {
	src := Source{Origin: origin, Slot: slot}
	one := func(name string, set func(*sink.Progress)) *Sink {
		k := &Sink{Name: name, Progress: record(), Others: []*sink.Verdict{aheadAt(0x1000)}}
		set(&k.Progress)
		return k
	}
	beyond := func(p *sink.Progress) { p.Position = lsn(0x9008) }
	same := func(*sink.Progress) {}
	confirmed := func(p *sink.Progress) { p.Commit.LSN = 0x3000 }
	for _, c := range []struct {
		sinks []*Sink
		want  string
	}{
		{[]*Sink{one("a", same), one("b", same)}, " "},
		{[]*Sink{one("a", beyond), one("b", same), one("c", confirmed)}, "ahead_of_source ahead_of_source "},
		{[]*Sink{one("a", confirmed), one("b", same), one("c", beyond)}, " ahead_of_source ahead_of_source"},
		{[]*Sink{one("a", beyond)}, "ahead_of_source"},
	} {
		var states []string
		for _, d := range CheckGaps(src, c.sinks) {
			states = append(states, "")
			if d.Problem != nil {
				states[len(states)-1] = d.Problem.State
			}
		}
		if got := strings.Join(states, " "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Only new verdicts get a date, and the record that is written has them.
func TestDate(t *testing.T) {
	src, k := Source{Origin: origin, Slot: slot}, Sink{Name: "bus", Progress: record()}
	k.Progress.Position, k.Progress.Verdict = lsn(0x9008), verdict(TimelineDiverged)
	k.Progress.Origin.Timeline = 4
	d := CheckGap(src, k)
	d.Date(now.AddDate(1, 0, 0))
	if !d.Verdict.Since.Equal(now) {
		t.Errorf("an old verdict is of %s", d.Verdict.Since)
	}
	k.Progress.Verdict, k.Progress.Origin.Timeline = verdict(PublicationAltered), 3
	k.Comparison.Altered = []string{"t"}
	d = CheckGap(src, k)
	d.Date(now.AddDate(1, 0, 0))
	if v := d.Record.Verdict; !v.Since.Equal(now) || v.Next == nil || !v.Next.Since.Equal(now.AddDate(1, 0, 0)) {
		t.Errorf("%+v", v)
	}
}
