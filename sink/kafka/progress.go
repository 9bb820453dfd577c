package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// The versions of a progress record: a version of tailrace that knows only the first one would ignore a verdict.
const (
	progressVersion = 1
	verdictVersion  = 2 // with a verdict
)

// progress is the record of a lane in the progress topic; the newest one counts.
type progress struct {
	Version  int                `json:"version"`
	Position *capture.Position  `json:"position,omitempty"` // nil: nothing is durable yet, only topics are named
	System   uint64             `json:"system,string"`
	Timeline uint32             `json:"timeline"`
	History  []capture.Timeline `json:"history,omitempty"`
	// Publication, Database and Slot are those of the Origin.
	Publication string           `json:"publication"`
	Database    capture.Database `json:"database,omitzero"`
	Slot        string           `json:"slot,omitempty"`
	Commit      capture.Commit   `json:"commit,omitzero"`
	Verdict     *sink.Verdict    `json:"verdict,omitempty"`
	State       []byte           `json:"state,omitempty"`
	// Topics are all that the lane has written to or was about to write to: the next Open fences them.
	Topics []string `json:"topics,omitempty"`
}

func (p *progress) origin() capture.Origin {
	return capture.Origin{
		System: p.System, Timeline: p.Timeline, History: p.History, Publication: p.Publication, Database: p.Database, Slot: p.Slot,
	}
}

// found is what the progress topic has of a lane.
type found struct {
	rec     *progress // nil: no record
	dropped bool      // there was a record, which was removed by drop
	pruned  bool      // the topic has deleted old records, of whichever lanes
}

// progress returns the result of Open.
func (f *found) progress() sink.Progress {
	p := f.rec
	switch {
	case p == nil && f.pruned && !f.dropped:
		return sink.Progress{Record: sink.RecordExpired}
	case p == nil || p.Position == nil:
		return sink.Progress{Record: sink.RecordNone}
	}
	return sink.Progress{
		Record: sink.RecordFound, Position: *p.Position, Origin: p.origin(), Commit: p.Commit, State: p.State, Verdict: p.Verdict,
	}
}

// encode returns the value of the record.
func (p *progress) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // numbers and strings
	}
	return b
}

func decodeProgress(b []byte) (*progress, error) {
	p := &progress{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("decode progress record: %w", err)
	}
	if p.Version != progressVersion && p.Version != verdictVersion {
		return nil, fmt.Errorf("decode progress record: it has version %d, this version of tailrace knows %d and %d", p.Version, progressVersion,
			verdictVersion)
	}
	return p, nil
}

// scanFirst is how many offsets from the end are read first: the newest record of an active lane is there.
const scanFirst = 512

// readProgress finds the newest record of key in the partition. The partition is fenced, so its end is final for this
// key.
func readProgress(ctx context.Context, c *kafkaconnect.Cluster, home *topics.Topic, key string) (had found, err error) {
	values, pruned, err := newestValues(ctx, c, home, []string{key}, func(found map[string][]byte) bool { return len(found) > 0 })
	if err != nil {
		return had, err
	}
	value, seen := values[key]
	had.pruned, had.dropped = pruned, seen && value == nil
	if value != nil {
		if had.rec, err = decodeProgress(value); err != nil {
			return had, fmt.Errorf("read progress from topic %s: %w", home.Name, err)
		}
	}
	return had, nil
}

// newestValues finds the newest value of each key in partition 0, from its end backwards until enough reports true. A
// nil value is that of a removed record. pruned means that the topic has deleted old records, of whichever keys.
func newestValues(
	ctx context.Context, c *kafkaconnect.Cluster, home *topics.Topic, keys []string, enough func(found map[string][]byte) bool,
) (found map[string][]byte, pruned bool, err error) {
	err = topics.AskLeaders(ctx, c, home, []int32{0}, func(k *kafkaconnect.Conn, _ []int32) (err error) {
		found, pruned, err = log{k, home.Name}.newest(keys, enough)
		return err
	})
	if kafkaconnect.IsCode(err, sarama.ErrTopicAuthorizationFailed) {
		return nil, false, c.NotAuthorized("Topic", home.Name, "READ", err)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read progress from topic %s: %w", home.Name, err)
	}
	return found, pruned, nil
}

// log reads partition 0 of a topic over a connection to its leader.
type log struct {
	conn  *kafkaconnect.Conn
	topic string
}

// newest is newestValues over the connection of l.
func (l log) newest(keys []string, enough func(found map[string][]byte) bool) (found map[string][]byte, pruned bool, err error) {
	low, err := l.offset(sarama.OffsetOldest)
	if err != nil {
		return nil, false, err
	}
	end, err := l.offset(sarama.OffsetNewest)
	if err != nil {
		return nil, false, err
	}
	found = map[string][]byte{}
	for n := int64(scanFirst); ; n *= 16 {
		from := max(low, end-n)
		part := map[string][]byte{}
		err := l.each(from, end, func(key string, value []byte) {
			if slices.Contains(keys, key) {
				part[key] = value
			}
		})
		if err != nil {
			return nil, false, err
		}
		maps.Copy(part, found) // what was found before is newer
		if found = part; enough(found) || from == low {
			return found, low > 0, nil // compaction keeps the first offset
		}
		end = from
	}
}

func (l log) offset(which int64) (int64, error) {
	at, err := l.conn.Offsets(l.topic, []int32{0}, which)
	return at[0], err
}

// each calls fn with the key and the value of every record at offsets from <= o < end, oldest first.
func (l log) each(from, end int64, fn func(key string, value []byte)) error {
	for o := from; o < end; {
		b, err := l.fetch(o)
		if err != nil {
			return err
		}
		next := o
		for _, set := range b.RecordsSet {
			batch := set.RecordBatch
			if batch == nil {
				continue
			}
			for _, r := range batch.Records {
				if at := batch.FirstOffset + r.OffsetDelta; !batch.Control && at >= from && at < end {
					fn(string(r.Key), r.Value)
				}
			}
			next = max(next, batch.LastOffset()+1)
		}
		if next == o {
			if next >= b.HighWaterMarkOffset {
				return nil // the rest was compacted away
			}
			return fmt.Errorf("fetch of offset %d made no progress: %w", o, sarama.ErrIncompleteResponse)
		}
		o = next
	}
	return nil
}

func (l log) fetch(offset int64) (*sarama.FetchResponseBlock, error) {
	req := &sarama.FetchRequest{Version: 11, MinBytes: 1, MaxBytes: 8 << 20, MaxWaitTime: 500}
	req.AddBlock(l.topic, 0, offset, 4<<20, -1)
	r, err := l.conn.Fetch(req)
	if err != nil {
		return nil, err
	}
	b := r.GetBlock(l.topic, 0)
	if b == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	return b, kafkaconnect.AsError(b.Err)
}
