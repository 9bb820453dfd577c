package kafka_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
)

// A progress topic that deletes records is warned of by the check and while the sink is open, until it is mended. As long as a
// Writer is open the record is written again and again, as it was.
func TestProgressTopicThatDeletes(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	for _, policy := range []string{"delete", "compact,delete"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			o, _ := ownProgress(t, server, map[string]string{"cleanup.policy": policy})
			set := &kafka.Settings{Brokers: o.Brokers, ProgressTopic: o.ProgressTopic}
			var w *capture.Warning
			errs := set.Check(t.Context(), o.Pipeline, o.Name)
			if len(errs) != 1 || !errors.As(errs[0], &w) || capture.AsProblem(errs[0]) != nil {
				t.Fatalf("check: %v", errs)
			}
			fix := "--entity-name '" + o.ProgressTopic + "' --add-config cleanup.policy=compact"
			if !strings.Contains(w.Reason, "cleanup.policy="+policy) || !strings.Contains(w.Fix, fix) {
				t.Errorf("the check warns: %+v", w)
			}
			core, seen := observer.New(zapcore.WarnLevel)
			s, err := kafka.New(o, zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			s.Refresh(100 * time.Millisecond)
			l := open(t, s)
			h := s.Health()
			if h.Warning == nil || h.Warning.State != "progress_expires" || h.Warning.Halted || h.Since.IsZero() ||
				!strings.Contains(h.Warning.Fix, fix) {
				t.Fatalf("the sink says %+v", h)
			}
			l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
			before := consume(t, server, o.ProgressTopic)
			for _, r := range again(t, server, o.ProgressTopic, len(before), 2) {
				if newest := before[len(before)-1]; r.value != newest.value || r.key != newest.key {
					t.Errorf("%+v is written again as %+v", newest, r)
				}
			}
			runFix(t, h.Warning.Fix)
			for end := time.Now().Add(time.Minute); s.Health().Warning != nil; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("the sink still says %+v", s.Health())
				}
			}
			if lines := seen.TakeAll(); len(lines) != 1 || !strings.Contains(lines[0].Message, policy) {
				t.Errorf("log: %v", lines)
			}
			if errs := set.Check(t.Context(), o.Pipeline, o.Name); len(errs) != 0 {
				t.Errorf("check of a topic that keeps records: %v", errs)
			}
		})
	}
}

// What an Open, and a Writer that has nothing to write yet, write again because the topic deletes records is the record as it was
// found: a new origin counts only once the start rule has judged it.
func TestOpenKeepsARecordFromExpiring(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o, _ := ownProgress(t, server, deletes)
	l := open(t, newSink(t, o))
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	l.Close()
	before := consume(t, server, o.ProgressTopic)
	lane := laneOf(t)
	lane.Origin.Publication = "altered"
	w, _, err := watchful(t, o).Open(t.Context(), lane)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if after := consume(t, server, o.ProgressTopic); len(after) == len(before) {
		t.Errorf("Open does not write the record again: %v", after)
	}
	for _, r := range again(t, server, o.ProgressTopic, len(before), 3) {
		if newest := before[len(before)-1]; r.value != newest.value || r.key != newest.key {
			t.Errorf("%+v is written again as %+v", newest, r)
		}
	}
}

// again waits until n more records than before are in a topic, and returns those.
func again(t *testing.T, server *testenv.KafkaServer, topic string, before, n int) []record {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if more := consume(t, server, topic)[before:]; len(more) >= n {
			return more
		}
		if time.Now().After(end) {
			t.Fatal("the record is not written again")
		}
	}
}

// Without a record in a topic that has deleted some it is not known whether there was one, until the pipeline is dropped. Where
// nothing was deleted yet there was none.
func TestExpiredRecord(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o, _ := ownProgress(t, server, deletes)
	finds := func(want sink.RecordState) {
		t.Helper()
		if got, err := newSink(t, o).Read(t.Context(), "main", sinktest.Origin); err != nil || got.Record != want {
			t.Errorf("read: %+v, %v, want %d", got, err, want)
		}
		l := open(t, newSink(t, o))
		if l.progress.Record != want {
			t.Errorf("open: %+v, want %d", l.progress, want)
		}
		l.Close()
	}
	finds(sink.RecordNone)
	l := open(t, newSink(t, o))
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	l.Close()
	server.PurgeTopic(t, o.ProgressTopic)
	finds(sink.RecordExpired)
	set := &kafka.Settings{Brokers: o.Brokers, ProgressTopic: o.ProgressTopic}
	lines, err := set.Drop(t.Context(), o.Pipeline, o.Name, sinktest.Origin, false)
	if err != nil || len(lines) == 0 || !strings.Contains(lines[0], "which may have expired") {
		t.Errorf("drop: %q, %v", lines, err)
	}
	finds(sink.RecordNone)
	if lines, err := set.Drop(t.Context(), o.Pipeline, o.Name, sinktest.Origin, false); err != nil || len(lines) != 0 {
		t.Errorf("drop again: %q, %v", lines, err)
	}
}
