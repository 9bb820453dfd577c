package fencing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// Producer is a producer id with its epoch. A partition refuses batches of a lower epoch than the highest one that it
// has seen.
type Producer struct {
	ID    int64
	Epoch int16
}

// NoProducer is the Producer of a process that has not taken an epoch yet.
var NoProducer = Producer{-1, -1}

// EpochLimit is the epoch at which an Open takes a new producer id. Kafka does that by itself near 32767, but then
// before the older writers are fenced, and a partition does not know that the new id follows the old one.
const EpochLimit = 32000

// TransactionalID controls who may write as one transactional id. It never uses a transaction for data: an empty
// transaction that is aborted makes the coordinator write a marker with the epoch into every partition of it, and only
// that marker tells the leader of the partition. InitProducerID alone does not (decision 11).
type TransactionalID struct {
	Name    string
	cluster *kafkaconnect.Cluster
	txnMu   sync.Mutex // locked from the first partition of a transaction to its end

	// unknown reports that the coordinator did not know the id when Open asked for an epoch. Then there was no Writer before, or
	// the coordinator has forgotten it, and a marker with the new producer id would not fence it either.
	unknown bool
}

// New returns the transactional id with a name; it contacts nothing.
func New(c *kafkaconnect.Cluster, name string) *TransactionalID {
	return &TransactionalID{Name: name, cluster: c}
}

// WasUnknown reports that the coordinator did not know the id when its first epoch was taken: no earlier writer can be fenced.
func (f *TransactionalID) WasUnknown() bool { return f.unknown }

// NextEpoch takes a new epoch from the coordinator. With p, our current one, it fails when another process has taken
// an epoch since.
func (f *TransactionalID) NextEpoch(ctx context.Context, p Producer) (Producer, error) {
	asked := p
	err := f.retry(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.InitProducerID(&sarama.InitProducerIDRequest{
			Version: 4, TransactionalID: &f.Name, TransactionTimeout: time.Minute, ProducerID: p.ID, ProducerEpoch: p.Epoch,
		})
		if err != nil {
			return err
		}
		if r.Err == sarama.ErrNoError {
			p = Producer{r.ProducerID, r.ProducerEpoch}
		}
		return kafkaconnect.AsError(r.Err)
	})
	if err != nil {
		return NoProducer, f.Wrap("take over the producer id", err)
	}
	if asked == NoProducer {
		f.unknown = p.Epoch == 0
	}
	return p, nil
}

// writeMarkers has markers with the epoch of p written into partitions.
func (f *TransactionalID) writeMarkers(ctx context.Context, p Producer, partitions map[string][]int32) error {
	if len(partitions) == 0 {
		return nil
	}
	f.txnMu.Lock()
	defer f.txnMu.Unlock()
	err := f.retry(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: f.Name, ProducerID: p.ID, ProducerEpoch: p.Epoch, TopicPartitions: partitions,
		})
		if err != nil {
			return err
		}
		return f.firstError(r.Errors)
	})
	if err != nil {
		return f.Wrap("fence the partitions", err)
	}
	return f.endTxn(ctx, p)
}

// Renew tells the coordinator that p is in use, by a marker in a partition that Open has fenced. It fails when another
// process has taken an epoch since.
func (f *TransactionalID) Renew(ctx context.Context, p Producer, topic string, partition int32) error {
	return f.writeMarkers(ctx, p, map[string][]int32{topic: {partition}})
}

// endTxn has the markers written. It returns before they are; a second call waits for them.
func (f *TransactionalID) endTxn(ctx context.Context, p Producer) error {
	err := f.retry(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.EndTxn(&sarama.EndTxnRequest{Version: 3, TransactionalID: f.Name, ProducerID: p.ID, ProducerEpoch: p.Epoch})
		if err != nil {
			return err
		}
		return kafkaconnect.AsError(r.Err)
	})
	return f.Wrap("fence the partitions", err)
}

// FenceInSameEpoch fences partitions that Open has not fenced, while the writer p goes on with its epoch. Their topic
// may be so new that the coordinator does not know its leader yet.
func (f *TransactionalID) FenceInSameEpoch(ctx context.Context, p Producer, partitions map[string][]int32) error {
	for wait, until := 10*time.Millisecond, time.Now().Add(topics.MissingAfter); ; wait = min(2*wait, 500*time.Millisecond) {
		err := f.fenceUntilStable(ctx, partitions, func() error { return f.writeMarkersAndWait(ctx, p, partitions) })
		if p := capture.AsProblem(err); p == nil || p.State != "partition_offline" || time.Now().After(until) {
			return err
		}
		if capture.Sleep(ctx, wait) != nil {
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
	}
}

// writeMarkersAndWait is writeMarkers that returns when the markers are written, without taking another epoch.
func (f *TransactionalID) writeMarkersAndWait(ctx context.Context, p Producer, partitions map[string][]int32) error {
	if err := f.writeMarkers(ctx, p, partitions); err != nil {
		return err
	}
	err := f.endTxn(ctx, p)
	if kafkaconnect.IsCode(err, sarama.ErrInvalidTxnState) { // nothing to end, and no markers in transit (the answer of kfake)
		return nil
	}
	return err
}

// firstError returns the error that is a cause rather than one that follows from it.
func (f *TransactionalID) firstError(topics map[string][]*sarama.PartitionError) error {
	var follows error
	for topic, errs := range topics {
		for _, e := range errs {
			switch e.Err {
			case sarama.ErrNoError:
			case sarama.ErrOperationNotAttempted:
				follows = e.Err
			case sarama.ErrTopicAuthorizationFailed:
				return f.cluster.NotAuthorized("Topic", topic, "WRITE", e.Err)
			default:
				return e.Err
			}
		}
	}
	return follows
}

// Fence keeps I8 for partitions: when it returns, none of them accepts a batch of an earlier epoch. The markers are
// still in transit when EndTxn has returned; the next NextEpoch waits for them. The epoch that it takes is new to
// every partition, so sequence numbers begin at 0.
func (f *TransactionalID) Fence(ctx context.Context, p Producer, partitions map[string][]int32) (Producer, error) {
	err := f.fenceUntilStable(ctx, partitions, func() (err error) {
		if err = f.writeMarkers(ctx, p, partitions); err == nil {
			p, err = f.NextEpoch(ctx, p)
		}
		return err
	})
	if err != nil {
		return NoProducer, err
	}
	return p, nil
}

// RotateProducerID takes a new producer id when epochs are running out: the coordinator gives one at the end of the
// range. It runs after the last fence of an Open: markers of the new id would not fence writers that use the old one.
func (f *TransactionalID) RotateProducerID(ctx context.Context, p Producer) (Producer, error) {
	var err error
	for err == nil && p.Epoch >= EpochLimit {
		p, err = f.NextEpoch(ctx, p)
	}
	return p, err
}

// Wrap adds what failed to an error, and turns it into sink.ErrFenced or a state where it is one.
func (f *TransactionalID) Wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case isFencedCode(err):
		return fmt.Errorf("%s of %s: %w (%w)", what, f.Name, sink.ErrFenced, err)
	case kafkaconnect.IsCode(err, sarama.ErrTransactionalIDAuthorizationFailed):
		return f.cluster.NotAuthorized("TransactionalId", f.Name, "WRITE", err)
	}
	return fmt.Errorf("%s of %s: %w", what, f.Name, err)
}
