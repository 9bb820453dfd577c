package progress

import (
	"context"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// Put writes one progress record outside of a Writer, and returns when it is stored; a nil rec removes the record.
// It is fenced like the records of a Writer. The epoch of who has written nothing to the partition yet, and must not
// write more there.
func (t *Topic) Put(
	ctx context.Context, f *fencing.TransactionalID, home *topics.Topic, who fencing.Producer, lane string, rec *Record,
) error {
	var value []byte
	if rec != nil {
		value = rec.Encode()
	}
	request := t.single(home, who, t.Key(lane), value) // the same in every attempt, so that the broker stores it once
	err := topics.AskLeaders(ctx, t.cluster, home, []int32{0}, func(k *kafkaconnect.Conn, _ []int32) error {
		resp, err := k.Produce(request)
		if err != nil {
			return err
		}
		block := resp.Blocks[home.Name][0]
		if block == nil {
			return sarama.ErrIncompleteResponse
		}
		if block.Err == sarama.ErrDuplicateSequenceNumber { // stored by an earlier attempt
			return nil
		}
		return kafkaconnect.AsError(block.Err)
	})
	if kafkaconnect.IsCode(err, sarama.ErrTopicAuthorizationFailed) {
		return t.cluster.NotAuthorized("Topic", home.Name, "WRITE", err)
	}
	return f.Wrap("write the progress record", err)
}

// single returns a request with one record, the first of an epoch.
func (t *Topic) single(home *topics.Topic, who fencing.Producer, key string, value []byte) *sarama.ProduceRequest {
	now := time.Now()
	r := &sarama.ProduceRequest{Version: 8, RequiredAcks: sarama.WaitForAll, Timeout: int32(t.AckTimeout / time.Millisecond)}
	r.AddBatch(home.Name, 0, &sarama.RecordBatch{
		Version: 2, PartitionLeaderEpoch: -1, ProducerID: who.ID, ProducerEpoch: who.Epoch, FirstTimestamp: now, MaxTimestamp: now,
		Records: []*sarama.Record{{Key: []byte(key), Value: value}},
	})
	return r
}
