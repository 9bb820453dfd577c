package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const topic = "shop.public.orders"

// consumer is a typical consumer of a service. It passes everything to arrivals.
type consumer struct {
	arrivals
	client  *kgo.Client
	polling sync.WaitGroup
}

func newConsumer(brokers []string) (*consumer, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(250*time.Millisecond),
		kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(100*time.Millisecond)) // the topic does not exist yet
	if err != nil {
		return nil, fmt.Errorf("start a consumer: %w", err)
	}
	c := &consumer{client: client, arrivals: newArrivals()}
	c.polling.Go(c.poll)
	return c, nil
}

// poll returns when the client is closed.
func (c *consumer) poll() {
	for {
		fetches := c.client.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		now := time.Now()
		fetches.EachRecord(func(r *kgo.Record) {
			a, err := parse(r, now)
			if err == nil {
				err = c.take(a)
			}
			if err != nil {
				c.fail(fmt.Errorf("partition %d offset %d: %w", r.Partition, r.Offset, err))
			}
		})
	}
}

func (c *consumer) close() {
	c.client.Close()
	c.polling.Wait()
}

// arrival is one event as it came out of the topic.
type arrival struct {
	id, version int64
	op          string
	record      *kgo.Record
	at          time.Time
}

func parse(r *kgo.Record, now time.Time) (arrival, error) {
	type order struct{ ID, Version int64 }
	var value struct {
		Op  string
		Row *order
	}
	var key order
	if err := json.Unmarshal(r.Key, &key); err != nil {
		return arrival{}, fmt.Errorf("read key %q: %w", r.Key, err)
	}
	if err := json.Unmarshal(r.Value, &value); err != nil {
		return arrival{}, fmt.Errorf("read value %q: %w", r.Value, err)
	}
	a := arrival{id: key.ID, op: value.Op, record: r, at: now}
	if value.Row != nil {
		a.version = value.Row.Version
	}
	return a, nil
}
