package progress

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// scanFirst is how many offsets from the end are read first: the newest record of an active lane is there.
const scanFirst = 512

// Read finds the newest record of a lane. lane is what LaneName returns. While the partition is fenced, its end is final for
// this lane.
func (t *Topic) Read(ctx context.Context, home *topics.Topic, lane string) (had Found, err error) {
	key := t.Key(lane)
	values, pruned, err := t.newestValues(ctx, home, []string{key}, func(found map[string][]byte) bool { return len(found) > 0 })
	if err != nil {
		return had, err
	}
	value, seen := values[key]
	had.Pruned, had.Dropped = pruned, seen && value == nil
	if value != nil {
		if had.Record, err = decode(value); err != nil {
			return had, fmt.Errorf("read progress from topic %s: %w", home.Name, err)
		}
	}
	return had, nil
}

// newestValues finds the newest value of each key in partition 0, from its end backwards until enough reports true. A
// nil value is that of a removed record. pruned means that the topic has deleted old records, of whichever keys.
func (t *Topic) newestValues(
	ctx context.Context, home *topics.Topic, keys []string, enough func(found map[string][]byte) bool,
) (found map[string][]byte, pruned bool, err error) {
	err = topics.AskLeaders(ctx, t.cluster, home, []int32{0}, func(k *kafkaconnect.Conn, _ []int32) (err error) {
		found, pruned, err = log{k, home.Name}.newest(keys, enough)
		return err
	})
	if kafkaconnect.IsCode(err, sarama.ErrTopicAuthorizationFailed) {
		return nil, false, t.cluster.NotAuthorized("Topic", home.Name, "READ", err)
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
