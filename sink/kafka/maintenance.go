package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/progress"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

const (
	refreshPause = 100 * time.Millisecond // between two requested refreshes
	// renewEvery is how often we contact the coordinator: it forgets an idle transactional id
	// (transactional.id.expiration.ms, 7 days by default), and with it whom to fence. A day of failures is too long:
	// partitions forget an idle producer after that (producer.id.expiration.ms), and then nothing stops a zombie.
	renewEvery  = time.Hour
	renewWithin = 12 * time.Hour
)

// maintain runs the periodic work of a Writer until the Writer ends.
func (w *Writer) maintain() {
	second := time.NewTicker(min(time.Second, w.sink.refreshEvery, w.sink.renewEvery))
	defer second.Stop()
	var refreshed time.Time
	renewed, looked := time.Now(), time.Now()
	for {
		asked := false
		select {
		case <-w.ctx.Done():
			return
		case <-w.refresh:
			asked = true
		case <-second.C:
			w.checkStalled()
		}
		if asked || time.Since(refreshed) > w.sink.refreshEvery {
			w.refreshMetadata()
			refreshed = time.Now()
			w.sleep(refreshPause)
		}
		if time.Since(looked) > w.sink.refreshEvery {
			looked = time.Now()
			w.keepProgressRecord()
		}
		if time.Since(renewed) > w.sink.renewEvery {
			renewed = time.Now()
			w.renew()
		}
	}
}

func (w *Writer) sleep(d time.Duration) {
	select {
	case <-w.ctx.Done():
	case <-time.After(d):
	}
}

// checkStalled fails the Writer when nothing has been stored for too long: the lane then shows the problem and opens
// another Writer.
func (w *Writer) checkStalled() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if quiet := time.Since(w.acked); w.unacked > 0 && quiet > w.sink.giveUp {
		w.failLocked(w.stalledErrorLocked(quiet))
	}
}

// keepProgressRecord checks whether the progress topic keeps its records, and writes ours again where it does not: so
// the record never becomes old while the Writer is open, however idle the source is.
func (w *Writer) keepProgressRecord() {
	ctx, stop := context.WithTimeout(w.ctx, 10*time.Second)
	defer stop()
	deletes, err := w.sink.progress.ReadRetention(ctx)
	if err != nil || !deletes {
		return // where it fails, refreshMetadata fails too, and reports it
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rewriteProgressLocked()
}

// renew tells the coordinator that we are alive, by an empty transaction on the progress partition. While there is
// nothing to write, this is also how we notice that another process has taken over.
func (w *Writer) renew() {
	ctx, stop := context.WithTimeout(w.ctx, time.Minute)
	defer stop()
	err := w.fence.Renew(ctx, w.producer, w.commits.part.topic.name, w.commits.part.id)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.renewed = time.Now().Round(0)
	} else if errors.Is(err, sink.ErrFenced) {
		w.failLocked(err)
	}
}

func (w *Writer) refreshMetadata() {
	ctx, stop := context.WithTimeout(w.ctx, 10*time.Second)
	defer stop()
	w.mu.Lock()
	names := []string{w.commits.part.topic.name}
	for n := range w.topics {
		names = append(names, n)
	}
	w.mu.Unlock()
	m, err := w.sink.cluster.Metadata(ctx, names...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.cause = err
		w.wantRefresh()
		return
	}
	for _, d := range m.Topics {
		if d.Name == w.commits.part.topic.name {
			w.updateTopicLocked(w.commits.part.topic, d)
		} else if t := w.topics[d.Name]; t != nil {
			w.updateTopicLocked(t, d)
		}
	}
}

// updateTopicLocked applies the metadata of a topic.
func (w *Writer) updateTopicLocked(t *topic, d *sarama.TopicMetadata) {
	now := time.Now()
	switch {
	case d.Err == sarama.ErrUnknownTopicOrPartition:
		w.handleUnknownTopicLocked(t, now)
		return
	case d.Err == sarama.ErrTopicAuthorizationFailed:
		w.failLocked(w.sink.cluster.NotAuthorized("Topic", t.name, "DESCRIBE", d.Err))
		return
	case d.Uuid != t.uuid && d.Uuid != (sarama.Uuid{}) && t.uuid != (sarama.Uuid{}):
		w.failLocked(w.recreatedError(t))
		return
	}
	t.missing = time.Time{}
	if n := len(d.Partitions); n > len(t.parts) && n > t.grown {
		t.grown = n
		w.grown.Store(true)
	}
	for _, p := range d.Partitions {
		if int(p.ID) >= len(t.parts) {
			continue
		}
		q := t.parts[p.ID]
		if q.leader != p.Leader {
			w.unscheduleLocked(q)
		}
		q.replicas = p.Replicas
		if q.leader = p.Leader; q.leader < 0 && q.hasUnacked() {
			w.wantRefresh()
		}
		w.scheduleLocked(q, now)
	}
}

// recreatedError returns the error for a topic that was deleted and created again.
func (w *Writer) recreatedError(t *topic) error {
	if t == w.commits.part.topic {
		return progress.Deleted(t.name, " and created again")
	}
	return fmt.Errorf("topic %s was deleted and created again", t.name)
}

// handleUnknownTopicLocked is called when the cluster does not know a topic. The progress topic is needed even while
// nothing is written.
func (w *Writer) handleUnknownTopicLocked(t *topic, now time.Time) {
	home := t == w.commits.part.topic
	if t.missing.IsZero() {
		t.missing = now
	}
	if t.unacked == 0 && !home {
		return
	}
	if now.Sub(t.missing) > topics.MissingAfter {
		if home {
			w.failLocked(progress.Deleted(t.name, ""))
		} else {
			w.failLocked(topics.Missing(w.sink.cluster, t.name, nil))
		}
	}
	w.wantRefresh()
}
