package latency

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/testenv"
)

// consumer reads one partition with as little work as possible: one request after the other on one connection, each
// answered as soon as there is a byte.
type consumer struct {
	broker *sarama.Broker
	topic  string
	offset int64
	phase  atomic.Pointer[Phase]
}

func newConsumer(addr, topic string) (*consumer, error) {
	config := sarama.NewConfig()
	config.Version = testenv.KafkaVersion
	c := &consumer{broker: sarama.NewBroker(addr), topic: topic}
	return c, c.broker.Open(config)
}

// run reads until ctx ends.
func (c *consumer) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := c.fetch(); err != nil {
			return fmt.Errorf("read topic %s: %w", c.topic, err)
		}
	}
	return nil
}

func (c *consumer) fetch() error {
	ask := &sarama.FetchRequest{MaxWaitTime: 100, MinBytes: 1, MaxBytes: 8 << 20, Version: 11, SessionEpoch: -1}
	ask.AddBlock(c.topic, 0, c.offset, 8<<20, -1)
	answer, err := c.broker.Fetch(ask)
	if err != nil {
		return err
	}
	now := time.Now()
	block := answer.GetBlock(c.topic, 0)
	switch {
	case block == nil:
		return errors.New("an answer without the partition")
	case block.Err != sarama.ErrNoError:
		return block.Err
	}
	phase := c.phase.Load()
	for _, set := range block.RecordsSet {
		b := set.RecordBatch
		if b == nil || b.PartialTrailingRecord {
			continue
		}
		for _, record := range b.Records {
			at := b.FirstOffset + record.OffsetDelta
			if at < c.offset {
				continue
			}
			if phase != nil && !b.Control {
				phase.Arrive(number(record.Key), now)
			}
		}
		c.offset = max(c.offset, b.FirstOffset+int64(b.LastOffsetDelta)+1)
	}
	return nil
}

// number returns the first number in a key: {"id":42}.
func number(key []byte) (n int64) {
	found := false
	for _, c := range key {
		if c >= '0' && c <= '9' {
			n, found = n*10+int64(c-'0'), true
		} else if found {
			break
		}
	}
	return n
}
