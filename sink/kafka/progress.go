package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

const progressVersion = 1

// progress is the record that the progress topic holds of a lane, newest wins.
type progress struct {
	Version  int                `json:"version"`
	Position *capture.Position  `json:"position,omitempty"` // nil: nothing is held yet, only topics are named
	System   uint64             `json:"system,string"`
	Timeline uint32             `json:"timeline"`
	History  []capture.Timeline `json:"history,omitempty"`
	// Publication is the Origin's.
	Publication string `json:"publication"`
	State       []byte `json:"state,omitempty"`
	// Topics are all that the lane has written to or was about to write to: whoever opens the sink next fences them.
	Topics []string `json:"topics,omitempty"`
}

func (p *progress) origin() capture.Origin {
	return capture.Origin{System: p.System, Timeline: p.Timeline, History: p.History, Publication: p.Publication}
}

// encode is the record's value.
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
	if p.Version != progressVersion {
		return nil, fmt.Errorf("decode progress record: it has version %d, this program knows %d", p.Version, progressVersion)
	}
	return p, nil
}

// scanFirst is how many offsets from the end are looked at first: the newest record of a lane that is alive is there.
const scanFirst = 512

// readProgress finds the newest record of key in the partition, nil when there is none. The partition is fenced, so its
// end is final for this key.
func (c *cluster) readProgress(ctx context.Context, topic, key string, leader int32) (*progress, error) {
	addr, ok := c.addr(leader)
	if !ok {
		return nil, fmt.Errorf("read progress: topic %s has no leader: %w", topic, sarama.ErrLeaderNotAvailable)
	}
	k, err := c.dial(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("read progress: %w", err)
	}
	defer k.kill()
	var found *progress
	err = call(ctx, k, func(k *conn) error {
		l := log{k, topic}
		low, err := l.offset(sarama.OffsetOldest)
		if err != nil {
			return err
		}
		end, err := l.offset(sarama.OffsetNewest)
		if err != nil {
			return err
		}
		for n := int64(scanFirst); ; n *= 16 {
			from := max(low, end-n)
			var value []byte
			seen := false
			err := l.each(from, end, func(k string, v []byte) {
				if k == key {
					value, seen = v, true
				}
			})
			if err != nil {
				return err
			}
			if seen {
				if value != nil { // else it was deleted
					found, err = decodeProgress(value)
				}
				return err
			}
			if from == low {
				return nil
			}
			end = from
		}
	})
	if isCode(err, sarama.ErrTopicAuthorizationFailed) {
		return nil, notAuthorized("Topic", topic, "READ", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read progress from topic %s: %w", topic, err)
	}
	return found, nil
}

// log is partition 0 of a topic, read through a connection to its leader.
type log struct {
	*conn
	topic string
}

func (l log) offset(which int64) (int64, error) {
	req := &sarama.OffsetRequest{Version: 5}
	req.AddBlock(l.topic, 0, which, 1)
	r, err := l.GetAvailableOffsets(req)
	if err != nil {
		return 0, err
	}
	b := r.GetBlock(l.topic, 0)
	if b == nil {
		return 0, sarama.ErrIncompleteResponse
	}
	return b.Offset, answer(b.Err)
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
	r, err := l.Fetch(req)
	if err != nil {
		return nil, err
	}
	b := r.GetBlock(l.topic, 0)
	if b == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	return b, answer(b.Err)
}

// createTimeout bounds how long a broker works on a new topic.
const createTimeout = 15 * time.Second
