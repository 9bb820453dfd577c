package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// put writes one progress record outside of a Writer, and returns when it is stored; a nil value removes it. It is fenced as a
// Writer's records are. The epoch of who has written nothing to the partition yet, and must not be used for more there.
func (s *Sink) put(ctx context.Context, f *fencing, home *topic, who producer, key string, value []byte) error {
	addr, ok := s.cluster.addr(home.parts[0].leader)
	if !ok {
		return fmt.Errorf("write progress record: topic %s has no leader", home.name)
	}
	k, err := s.cluster.dial(ctx, addr)
	if err != nil {
		return fmt.Errorf("write progress record: %w", err)
	}
	defer k.kill()
	err = call(ctx, k, func(k *conn) error {
		resp, err := k.Produce(s.single(home, who, key, value))
		if err != nil {
			return err
		}
		block := resp.Blocks[home.name][0]
		if block == nil {
			return sarama.ErrIncompleteResponse
		}
		return answer(block.Err)
	})
	if isCode(err, sarama.ErrTopicAuthorizationFailed) {
		return s.cluster.notAuthorized("Topic", home.name, "WRITE", err)
	}
	return f.named("write the progress record", err)
}

// single is a request with one record, the first of an epoch.
func (s *Sink) single(home *topic, who producer, key string, value []byte) *sarama.ProduceRequest {
	now := time.Now()
	r := &sarama.ProduceRequest{Version: 8, RequiredAcks: sarama.WaitForAll, Timeout: int32(s.ackTimeout / time.Millisecond)}
	r.AddBatch(home.name, 0, &sarama.RecordBatch{
		Version: 2, PartitionLeaderEpoch: -1, ProducerID: who.id, ProducerEpoch: who.epoch, FirstTimestamp: now, MaxTimestamp: now,
		Records: []*sarama.Record{{Key: []byte(key), Value: value}},
	})
	return r
}
