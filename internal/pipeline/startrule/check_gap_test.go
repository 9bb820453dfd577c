package startrule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

var (
	now    = time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	origin = capture.Origin{
		System: 7, Timeline: 3, History: []capture.Timeline{{ID: 1, End: 0x1000}, {ID: 2, End: 0x2000}}, Publication: "p2",
		Database: capture.Database{OID: 5, Name: "shop"}, Slot: "s",
	}
	slot = capture.Slot{Confirmed: 0x3000, End: 0x9000}

	behind = lsn(0x4000) // the last commit of a record that passes
)

func lsn(l capture.LSN) capture.Position { return capture.Position{LSN: l} }

// record is one that passes: of the source's lane, between what the slot has confirmed and the end of the WAL.
func record() sink.Progress {
	return sink.Progress{Position: lsn(0x5000), Origin: origin, Commit: capture.Commit{LSN: 0x4000, XID: 1<<32 | 77, Time: now}}
}

// verdict is one that stands in a record.
func verdict(state string) *sink.Verdict {
	return &sink.Verdict{State: state, Reason: "so it is", Since: now}
}

func TestCheckGap(t *testing.T) {
	altered := []string{"public.t was taken out and put back"}
	for _, c := range []struct {
		name string
		set  func(*Source, *Sink)
		// want is the state, "": the sink goes on.
		want string
		kept bool             // the problem is a verdict
		from capture.Position // without a problem
		// writes says that a record is written: with the verdict, or before the sink goes on.
		writes bool
		copies bool
	}{
		{name: "all is well", set: func(*Source, *Sink) {}, from: behind, writes: true},
		{name: "the last commit is confirmed", set: func(s *Source, _ *Sink) { s.Slot.Confirmed = 0x4800 }, from: lsn(0x4800), writes: true},
		{name: "all is confirmed", set: func(s *Source, _ *Sink) { s.Slot.Confirmed = 0x5000 }, from: lsn(0x5000)},
		{name: "no commit yet", set: func(_ *Source, k *Sink) { k.Progress.Commit = capture.Commit{} }, from: lsn(0x3000), writes: true},
		{name: "while the stream runs", set: func(s *Source, _ *Sink) { s.Running = true }, from: lsn(0x5000)},
		{name: "inside a transaction", set: func(_ *Source, k *Sink) { k.Progress.Position.Seq = 2 }, from: capture.Position{LSN: 0x5000, Seq: 2}},
		{
			name: "no record next to an older slot", set: func(_ *Source, k *Sink) { k.Progress = sink.Progress{Record: sink.RecordNone} },
			want: NoRecord,
		},
		{name: "no record, and the slot is new", set: func(s *Source, k *Sink) {
			s.Slot.New, k.Progress = true, sink.Progress{Record: sink.RecordNone}
		}},
		{name: "a record may have expired, and the slot is missing", set: func(s *Source, k *Sink) {
			s.Slot.New, k.Progress = true, sink.Progress{Record: sink.RecordExpired}
		}, want: ProgressExpired},
		{name: "a record may have expired, and the file says from now", set: func(s *Source, k *Sink) {
			s.Slot.New, k.Progress, k.Begin = true, sink.Progress{Record: sink.RecordExpired}, FromNow
		}},
		{name: "a record may have expired next to an older slot", set: func(_ *Source, k *Sink) {
			k.Progress = sink.Progress{Record: sink.RecordExpired}
		}, want: NoRecord},
		{name: "a record has expired, and there was one", set: func(s *Source, k *Sink) {
			s.Slot.New, k.Progress, k.SeenDurable = true, sink.Progress{Record: sink.RecordExpired}, true
		}, want: ProgressLost},
		{name: "no record, and the file says from now", set: func(_ *Source, k *Sink) {
			k.Progress, k.Begin = sink.Progress{Record: sink.RecordNone}, FromNow
		}},
		{name: "no record, and the source copies", set: func(_ *Source, k *Sink) {
			k.Progress, k.Begin = sink.Progress{Record: sink.RecordNone}, CopyIfNew
		}, copies: true},
		{name: "no record, and the file says copy", set: func(_ *Source, k *Sink) {
			k.Progress, k.Begin = sink.Progress{Record: sink.RecordNone}, CopyRows
		}, copies: true},
		{name: "no record, the slot is new, and the file says copy", set: func(s *Source, k *Sink) {
			s.Slot.New, k.Progress, k.Begin = true, sink.Progress{Record: sink.RecordNone}, CopyRows
		}},
		{name: "the record was lost, and the file says copy", set: func(_ *Source, k *Sink) {
			k.Progress, k.Begin, k.SeenDurable = sink.Progress{Record: sink.RecordNone}, CopyRows, true
		}, want: ProgressLost},
		{name: "a gap, and the file says copy", set: func(_ *Source, k *Sink) {
			k.Begin, k.Progress.Position = CopyRows, lsn(0x2FF8)
		}, want: Gap, kept: true, writes: true},
		{name: "a part of a copy", set: func(_ *Source, k *Sink) { part(k, Ask) }, want: NoRecord},
		{name: "a part of a copy, and the source copies", set: func(_ *Source, k *Sink) { part(k, CopyIfNew) }, copies: true},
		{name: "a part of a copy that this process has written", set: func(_ *Source, k *Sink) {
			part(k, CopyIfNew)
			k.SeenDurable = true
		}, copies: true},
		{name: "a part of a copy, behind the slot", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x6000
			part(k, CopyIfNew)
		}, copies: true},
		{
			name: "a part of a copy, and the file says from now", set: func(_ *Source, k *Sink) { part(k, FromNow) },
			from: lsn(0x3000), writes: true,
		},
		{name: "a part of a copy with a verdict", set: func(_ *Source, k *Sink) {
			part(k, CopyIfNew)
			k.Progress.Verdict = verdict(AheadOfSource)
		}, want: AheadOfSource, kept: true},
		{name: "a part of another's copy", set: func(_ *Source, k *Sink) {
			part(k, CopyIfNew)
			k.Progress.Origin.System = 8
		}, want: WrongCluster},
		{name: "a part of a first copy", set: func(s *Source, k *Sink) {
			s.Slot.New = true
			part(k, CopyIfNew)
		}, from: capture.Position{LSN: 0x4FFF, Seq: 7}},
		{name: "a first copy has come to its end", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed, k.Comparison.State = 0x5000, []byte("done")
		}, from: lsn(0x5000), writes: true},
		{name: "a first copy has come to its end, while the stream runs", set: func(s *Source, k *Sink) {
			s.Running, k.Comparison.State = true, []byte("done")
		}, from: lsn(0x5000), writes: true},
		{name: "the record was lost, and the file says from now", set: func(_ *Source, k *Sink) {
			k.Progress, k.Begin, k.SeenDurable = sink.Progress{Record: sink.RecordNone}, FromNow, true
		}, want: ProgressLost},
		{name: "a gap, and the file says from now", set: func(_ *Source, k *Sink) {
			k.Begin, k.Progress.Position = FromNow, lsn(0x2FF8)
		}, want: Gap, kept: true, writes: true},
		{name: "no record, and there was one", set: func(_ *Source, k *Sink) {
			k.Progress, k.SeenDurable = sink.Progress{Record: sink.RecordNone}, true
		}, want: ProgressLost},
		{name: "the sink knows that there was one", set: func(_ *Source, k *Sink) {
			k.Progress = sink.Progress{Record: sink.RecordMissing}
		}, want: ProgressLost},

		{name: "another cluster", set: func(_ *Source, k *Sink) { k.Progress.Origin.System = 8 }, want: WrongCluster},
		{name: "another database", set: func(_ *Source, k *Sink) {
			k.Progress.Origin.Database = capture.Database{OID: 6, Name: "shop"}
		}, want: WrongDatabase},
		{
			name: "the database under another name", set: func(_ *Source, k *Sink) { k.Progress.Origin.Database.Name = "former" },
			from: behind, writes: true,
		},
		{name: "another slot", set: func(_ *Source, k *Sink) { k.Progress.Origin.Slot = "t" }, want: WrongSlot},
		{name: "another's record with a verdict", set: func(_ *Source, k *Sink) {
			k.Progress.Origin.System, k.Progress.Verdict = 8, verdict(Gap)
		}, want: WrongCluster},

		{name: "an older timeline", set: func(_ *Source, k *Sink) {
			k.Progress.Origin.Timeline, k.Progress.Position, k.Progress.Commit.LSN = 2, lsn(0x2000), 0x2000
		}, want: Gap, kept: true, writes: true}, // the slot of this source begins later
		{name: "an older timeline, and the slot is there", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x1800
			k.Progress.Origin.Timeline, k.Progress.Position, k.Progress.Commit.LSN = 2, lsn(0x2000), 0x2000
		}, from: lsn(0x2000)},
		{name: "idle WAL beyond the switch point", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x1800
			k.Progress.Origin.Timeline, k.Progress.Position, k.Progress.Commit.LSN = 2, lsn(0x2120), 0x2000
		}, from: lsn(0x2000), writes: true},
		{name: "idle WAL beyond the switch point, no commit yet", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x1800
			k.Progress.Origin.Timeline, k.Progress.Position, k.Progress.Commit = 2, lsn(0x2120), capture.Commit{}
		}, from: lsn(0x1800), writes: true},
		{name: "a commit beyond the switch point", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x1800
			k.Progress.Origin.Timeline, k.Progress.Position, k.Progress.Commit.LSN = 2, lsn(0x2120), 0x2030
		}, want: TimelineDiverged, kept: true, writes: true},
		{name: "a part of a commit beyond the switch point", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x1800
			k.Progress.Origin.Timeline, k.Progress.Commit.LSN = 2, 0x2000
			k.Progress.Position = capture.Position{LSN: 0x2040, Seq: 3}
		}, want: TimelineDiverged, kept: true, writes: true},
		{name: "a part of the first commit beyond the switch point", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x1800
			k.Progress.Origin.Timeline, k.Progress.Commit.LSN = 2, 0x2000
			k.Progress.Position = capture.Position{LSN: 0x2000, Seq: 3}
		}, want: TimelineDiverged, kept: true, writes: true},
		{name: "an older record beyond the switch point", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x1800
			k.Progress.Origin = capture.Origin{System: 7, Timeline: 2}
			k.Progress.Position, k.Progress.Commit = lsn(0x2120), capture.Commit{}
		}, want: TimelineDiverged, kept: true, writes: true},
		{
			name: "a timeline that the source has never been on", set: func(_ *Source, k *Sink) { k.Progress.Origin.Timeline = 4 },
			want: TimelineDiverged, kept: true, writes: true,
		},

		{
			name: "more than the source has", set: func(_ *Source, k *Sink) { k.Progress.Position = lsn(0x9008) },
			want: AheadOfSource, kept: true, writes: true,
		},
		{name: "more than a standby has replayed", set: func(s *Source, k *Sink) {
			s.Slot.Recovering, k.Progress.Position = true, lsn(0x9008)
		}, want: AheadOfSource},
		{
			name: "a commit that the source does not have", set: func(_ *Source, k *Sink) { k.Comparison.Commit = capture.CommitAbsent },
			want: AheadOfSource, kept: true, writes: true,
		},
		{name: "a commit that a standby does not have yet", set: func(s *Source, k *Sink) {
			s.Slot.Recovering, k.Comparison.Commit = true, capture.CommitAbsent
		}, from: behind, writes: true},
		{name: "idle WAL beyond the end, the commit is there", set: func(_ *Source, k *Sink) {
			k.Progress.Position, k.Comparison.Commit = lsn(0x9008), capture.CommitPresent
		}, from: lsn(0x4000), writes: true},

		{name: "the publication was altered", set: func(_ *Source, k *Sink) {
			k.Progress.Origin.Publication, k.Comparison.Altered = "p1", altered
		}, want: PublicationAltered, kept: true, writes: true},
		{name: "the file has changed", set: func(_ *Source, k *Sink) { k.Progress.Origin.Publication = "p1" }, from: behind, writes: true},
		{name: "a gap", set: func(_ *Source, k *Sink) { k.Progress.Position = lsn(0x2FF8) }, want: Gap, kept: true, writes: true},
		{name: "a first start", set: func(s *Source, k *Sink) { s.Slot.New, k.Progress.Position = true, lsn(0x2FF8) }, from: lsn(0x2FF8)},
		{name: "an older record", set: func(_ *Source, k *Sink) {
			k.Progress.Origin.Database, k.Progress.Origin.Slot, k.Progress.Commit = capture.Database{}, "", capture.Commit{}
		}, from: lsn(0x5000), writes: true},

		{name: "altered before", set: func(_ *Source, k *Sink) {
			k.Progress.Verdict, k.Progress.Origin.Publication = verdict(PublicationAltered), "p1"
		}, want: PublicationAltered, kept: true},
		{
			name: "altered before, of another server", set: func(_ *Source, k *Sink) { k.Progress.Verdict = verdict(PublicationAltered) },
			from: behind, writes: true,
		},
		{
			name: "ahead before", set: func(_ *Source, k *Sink) { k.Progress.Verdict = verdict(AheadOfSource) },
			want: AheadOfSource, kept: true,
		},
		{name: "ahead before, on another timeline", set: func(s *Source, k *Sink) {
			s.Slot.Confirmed = 0x1800
			k.Progress.Verdict, k.Progress.Origin.Timeline, k.Progress.Commit.LSN = verdict(AheadOfSource), 2, 0x2000
			k.Progress.Position = lsn(0x2000)
		}, want: AheadOfSource, kept: true},
		{name: "ahead before, and the commit is there", set: func(_ *Source, k *Sink) {
			k.Progress.Verdict, k.Comparison.Commit = verdict(AheadOfSource), capture.CommitPresent
		}, from: behind, writes: true},
		{name: "diverged before", set: func(_ *Source, k *Sink) {
			k.Progress.Verdict, k.Progress.Origin.Timeline = verdict(TimelineDiverged), 4
		}, want: TimelineDiverged, kept: true},
		{name: "diverged before, and the source is another one", set: func(_ *Source, k *Sink) {
			k.Progress.Verdict = verdict(TimelineDiverged)
		}, from: behind, writes: true},
		{name: "a gap before", set: func(_ *Source, k *Sink) {
			k.Progress.Verdict, k.Progress.Position = verdict(Gap), lsn(0x2FF8)
		}, want: Gap, kept: true},
		{
			name: "a gap before, and the slot has gone back", set: func(_ *Source, k *Sink) { k.Progress.Verdict = verdict(Gap) },
			from: behind, writes: true,
		},
		{name: "disproved, and something else is wrong", set: func(_ *Source, k *Sink) {
			k.Progress.Verdict, k.Progress.Position = verdict(TimelineDiverged), lsn(0x9008)
		}, want: AheadOfSource, kept: true, writes: true},
		{
			name: "a verdict that was not written", set: func(_ *Source, k *Sink) { k.Remembered = verdict(AheadOfSource) },
			want: AheadOfSource, kept: true, writes: true,
		},
		{
			name: "a verdict of a version to come", set: func(_ *Source, k *Sink) { k.Progress.Verdict = verdict("eaten") },
			want: "eaten", kept: true,
		},

		{name: "no record can be kept", set: func(_ *Source, k *Sink) { k.Progress = sink.Progress{Record: sink.RecordUnsupported} }},
		{name: "no record can be kept, altered", set: func(_ *Source, k *Sink) {
			k.Progress, k.Comparison.Altered = sink.Progress{Record: sink.RecordUnsupported}, altered
		}, want: PublicationAltered, kept: true},
		{name: "no record can be kept, altered before", set: func(_ *Source, k *Sink) {
			k.Progress, k.Remembered = sink.Progress{Record: sink.RecordUnsupported}, verdict(PublicationAltered)
		}, want: PublicationAltered, kept: true},
		{name: "no record can be kept, another sink knows", set: func(_ *Source, k *Sink) {
			k.Progress, k.Comparison.Altered, k.OthersKeepRecord = sink.Progress{Record: sink.RecordUnsupported}, altered, true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, k := Source{Origin: origin, Slot: slot}, Sink{Name: "bus", Progress: record()}
			c.set(&src, &k)
			d := CheckGap(src, k)
			state := ""
			if d.Problem != nil {
				state = d.Problem.State
				if !d.Problem.Halted || !d.Problem.Usage || d.Problem.Reason == "" || state != "eaten" && d.Problem.Fix == "" {
					t.Errorf("the problem is %+v", d.Problem)
				}
			}
			if state != c.want || (d.Verdict != nil) != c.kept || (d.Record != nil) != c.writes || d.Copy != c.copies {
				t.Fatalf("%q, verdict %v, record %v, copy %v", state, d.Verdict, d.Record, d.Copy)
			}
			if d.Verdict != nil && d.Verdict.State != state {
				t.Errorf("the verdict is %v", d.Verdict)
			}
			if d.Problem == nil && d.From != c.from {
				t.Errorf("it goes on from %s", d.From)
			}
			if d.Record != nil {
				written(t, &src, &k, &d)
			}
		})
	}
}

// part makes a sink's record one from within a copy.
func part(k *Sink, b Begin) {
	k.Begin, k.Progress.Position, k.Progress.Commit = b, capture.Position{LSN: 0x4FFF, Seq: 7}, capture.Commit{}
	k.Comparison = capture.Comparison{Unfinished: true, State: []byte("done")}
}

// written checks a record that is to be written: with a verdict it is the former one, else it is the present source's.
func written(t *testing.T, src *Source, k *Sink, d *Decision) {
	t.Helper()
	want := k.Progress
	if d.Problem != nil {
		want.Verdict = d.Verdict
	} else {
		want.Position, want.Origin, want.Verdict = d.From, src.Origin, nil
		want.Commit, want.State = d.Record.Commit, k.Comparison.State
	}
	if diff := cmp.Diff(&want, d.Record); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if d.Problem == nil && !k.Comparison.Unfinished && (d.Record.Commit.IsZero() != durableCommit(&k.Progress).IsZero()) {
		t.Errorf("%+v", d)
	}
	again := *k
	again.Progress, again.Comparison.Unfinished, again.Comparison.State = *d.Record, false, nil
	if next := CheckGap(*src, again); next.Record != nil || (next.Problem != nil) != (d.Problem != nil) {
		t.Errorf("the next look says %+v", next)
	}
}

// Whatever is accepted passes at the next look, and keeps what it is not about.
func TestAccept(t *testing.T) {
	for _, c := range []struct {
		state string
		set   func(*Source, *Sink)
		from  capture.Position
		says  string
	}{
		{PublicationAltered, func(_ *Source, k *Sink) {
			k.Progress.Origin.Publication, k.Comparison.Altered = "p1", []string{"public.t was taken out"}
		}, behind, "public.t was taken out"},
		{AheadOfSource, func(_ *Source, k *Sink) { k.Progress.Position = lsn(0x9008) }, lsn(0x3000), "transaction 77"},
		{AheadOfSource, func(_ *Source, k *Sink) { k.Progress.Verdict = verdict(AheadOfSource) }, lsn(0x3000), "so it is"},
		{TimelineDiverged, func(_ *Source, k *Sink) { k.Progress.Origin.Timeline = 4 }, lsn(0x3000), "timeline 4"},
		{TimelineDiverged, func(s *Source, k *Sink) {
			s.Slot.Confirmed, k.Progress.Origin.Timeline = 0x1800, 2
		}, lsn(0x1800), "the promotion lost"},
		{Gap, func(_ *Source, k *Sink) { k.Progress.Position = lsn(0x2FF8) }, lsn(0x3000), "after 0/2FF8 and before 0/3000"},
		{ProgressLost, func(_ *Source, k *Sink) { k.Progress = sink.Progress{Record: sink.RecordMissing} }, lsn(0x3000), "not known"},
		{NoRecord, func(_ *Source, k *Sink) { k.Progress = sink.Progress{Record: sink.RecordNone} }, lsn(0x3000), "before 0/3000"},
		{WrongSlot, func(_ *Source, k *Sink) { k.Progress.Origin.Slot = "t" }, behind, "slot t"},
		{WrongDatabase, func(_ *Source, k *Sink) { k.Progress.Origin.Database.OID = 6 }, lsn(0x3000), "taken over"},
		{WrongCluster, func(_ *Source, k *Sink) { k.Progress.Origin.System = 8 }, lsn(0x3000), "cluster 8"},
	} {
		src, k := Source{Origin: origin, Slot: slot}, Sink{Name: "bus", Progress: record()}
		c.set(&src, &k)
		p := CheckGap(src, k).Problem
		if p == nil || p.State != c.state {
			t.Errorf("%s: %v", c.state, p)
			continue
		}
		a, err := Accept(src, k, p)
		if err != nil || a.Record == nil || !strings.Contains(strings.Join(a.Lost, "\n"), c.says) {
			t.Errorf("%s: %+v, %v", c.state, a, err)
			continue
		}
		next := CheckGap(src, Sink{Name: "bus", Progress: *a.Record})
		if next.Problem != nil || next.From != c.from {
			t.Errorf("%s: the next look says %+v", c.state, next)
		}
	}
}

// What an acceptance is not about is found by the next look.
func TestAcceptSettlesOneThing(t *testing.T) {
	src, k := Source{Origin: origin, Slot: slot}, Sink{Name: "bus", Progress: record()}
	k.Progress.Verdict, k.Progress.Position, k.Progress.Origin.Publication = verdict(PublicationAltered), lsn(0x9008), "p1"
	a, err := Accept(src, k, CheckGap(src, k).Problem)
	if err != nil {
		t.Fatal(err)
	}
	if next := CheckGap(src, Sink{Name: "bus", Progress: *a.Record}); next.Problem == nil || next.Problem.State != AheadOfSource {
		t.Errorf("the next look says %+v", next)
	}
	k.Progress = record()
	k.Progress.Position, k.Progress.Origin.Publication = lsn(0x2FF8), "p1"
	k.Comparison.Altered = []string{"public.t was taken out"}
	k.Progress.Verdict = verdict(Gap)
	if a, err = Accept(src, k, CheckGap(src, k).Problem); err != nil {
		t.Fatal(err)
	}
	k.Progress = *a.Record
	if next := CheckGap(src, k); next.Problem == nil || next.Problem.State != PublicationAltered {
		t.Errorf("the next look says %+v", next)
	}
}

// Without a slot a position would be a guess; only another's record can go, and then all begins with a snapshot.
func TestAcceptWithoutASlot(t *testing.T) {
	src, k := Source{Origin: origin, Slot: slot}, Sink{Name: "bus", Progress: record()}
	src.Slot.New = true
	if _, err := Accept(src, k, &capture.Problem{State: AheadOfSource}); err == nil {
		t.Error("it goes on from nowhere")
	}
	k.Progress.Origin.System = 8
	if a, err := Accept(src, k, CheckGap(src, k).Problem); err != nil || a.Record != nil || len(a.Lost) == 0 {
		t.Errorf("%+v, %v", a, err)
	}
	k.Progress = sink.Progress{Record: sink.RecordExpired}
	if a, err := Accept(src, k, CheckGap(src, k).Problem); err != nil || a.Record != nil || len(a.Lost) == 0 {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := Accept(src, k, &capture.Problem{State: "slot_lost"}); err == nil {
		t.Error("slot_lost is accepted")
	}
}
