package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
)

// producer is who writes: batches of a lower epoch are refused by every partition that has seen this one's.
type producer struct {
	id    int64
	epoch int16
}

var nobody = producer{-1, -1}

// epochLimit is where an Open takes a new producer id. Kafka does so by itself near 32767, but then before the older
// writers are fenced, and a partition does not know that the new id follows the old one.
const epochLimit = 32000

// fencing is the part of a cluster that says who writes, for one transactional id. No transaction is ever used: an empty
// one that is aborted makes the coordinator write a marker with the epoch into every partition named, and only that
// tells the partition's leader. InitProducerID alone does not (tried, docs/decisions).
type fencing struct {
	cluster *kafkaconnect.Cluster
	id      string     // the transactional id
	txnMu   sync.Mutex // held from the first partition of a transaction to its end

	// first reports that the coordinator did not know the id when Open asked for an epoch. Then there was no Writer before, or
	// the coordinator has forgotten it, and a marker with the new producer id would not fence it either.
	idUnknown bool
}

// nextEpoch takes a new epoch from the coordinator. With p, what we have now, it fails when somebody took one since.
func (f *fencing) nextEpoch(ctx context.Context, p producer) (producer, error) {
	asked := p
	err := f.retry(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.InitProducerID(&sarama.InitProducerIDRequest{
			Version: 4, TransactionalID: &f.id, TransactionTimeout: time.Minute, ProducerID: p.id, ProducerEpoch: p.epoch,
		})
		if err != nil {
			return err
		}
		if r.Err == sarama.ErrNoError {
			p = producer{r.ProducerID, r.ProducerEpoch}
		}
		return kafkaconnect.AsError(r.Err)
	})
	if err != nil {
		return nobody, f.wrap("take over the producer id", err)
	}
	if asked == nobody {
		f.idUnknown = p.epoch == 0
	}
	return p, nil
}

// writeMarkers has the epoch of p written into partitions.
func (f *fencing) writeMarkers(ctx context.Context, p producer, partitions map[string][]int32) error {
	if len(partitions) == 0 {
		return nil
	}
	f.txnMu.Lock()
	defer f.txnMu.Unlock()
	err := f.retry(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: f.id, ProducerID: p.id, ProducerEpoch: p.epoch, TopicPartitions: partitions,
		})
		if err != nil {
			return err
		}
		return f.firstError(r.Errors)
	})
	if err != nil {
		return f.wrap("fence the partitions", err)
	}
	return f.endTxn(ctx, p)
}

// endTxn has the markers written. It returns before they are; a second one waits for them.
func (f *fencing) endTxn(ctx context.Context, p producer) error {
	err := f.retry(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.EndTxn(&sarama.EndTxnRequest{Version: 3, TransactionalID: f.id, ProducerID: p.id, ProducerEpoch: p.epoch})
		if err != nil {
			return err
		}
		return kafkaconnect.AsError(r.Err)
	})
	return f.wrap("fence the partitions", err)
}

// fenceInSameEpoch fences partitions that Open has not fenced, in the name of the writer that p is: it goes on with its epoch. Their topic may
// be so new that the coordinator does not know its leader yet.
func (f *fencing) fenceInSameEpoch(ctx context.Context, p producer, partitions map[string][]int32) error {
	for wait, until := 10*time.Millisecond, time.Now().Add(missingAfter); ; wait = min(2*wait, 500*time.Millisecond) {
		err := f.fenceUntilStable(ctx, partitions, func() error { return f.writeMarkersAndWait(ctx, p, partitions) })
		if p := capture.AsProblem(err); p == nil || p.State != "partition_offline" || time.Now().After(until) {
			return err
		}
		if capture.Sleep(ctx, wait) != nil {
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
	}
}

// writeMarkersAndWait is mark, and returns when the markers are written, without another epoch.
func (f *fencing) writeMarkersAndWait(ctx context.Context, p producer, partitions map[string][]int32) error {
	if err := f.writeMarkers(ctx, p, partitions); err != nil {
		return err
	}
	err := f.endTxn(ctx, p)
	if kafkaconnect.IsCode(err, sarama.ErrInvalidTxnState) { // nothing to end, and nothing that is on its way (kfake says it so)
		return nil
	}
	return err
}

// firstError prefers the error that says why over those that only follow from it.
func (f *fencing) firstError(topics map[string][]*sarama.PartitionError) error {
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

// fence keeps I8 for partitions: when it returns, no batch of an earlier epoch is accepted by any of them. The markers
// travel after EndTxn has returned; the next begin waits for them. The epoch it takes is new to every partition, so
// sequence numbers begin at 0.
func (f *fencing) fence(ctx context.Context, p producer, partitions map[string][]int32) (producer, error) {
	err := f.fenceUntilStable(ctx, partitions, func() (err error) {
		if err = f.writeMarkers(ctx, p, partitions); err == nil {
			p, err = f.nextEpoch(ctx, p)
		}
		return err
	})
	if err != nil {
		return nobody, err
	}
	return p, nil
}

// rotateProducerID takes a new producer id when epochs are running out: the coordinator gives one at their end. It comes after the
// last fence of an Open: markers of the new id would fence nobody who writes as the old one.
func (f *fencing) rotateProducerID(ctx context.Context, p producer) (producer, error) {
	var err error
	for err == nil && p.epoch >= epochLimit {
		p, err = f.nextEpoch(ctx, p)
	}
	return p, err
}

// retry repeats what a coordinator answers while it moves, loads or is busy with the transaction before.
func (f *fencing) retry(ctx context.Context, fn func(*kafkaconnect.Conn) error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		err := f.cluster.AskCoordinator(ctx, f.id, fn)
		if err == nil || !isCoordinatorRetriable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

func (f *fencing) wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case isFencedCode(err):
		return fmt.Errorf("%s of %s: %w (%w)", what, f.id, sink.ErrFenced, err)
	case kafkaconnect.IsCode(err, sarama.ErrTransactionalIDAuthorizationFailed):
		return f.cluster.NotAuthorized("TransactionalId", f.id, "WRITE", err)
	}
	return fmt.Errorf("%s of %s: %w", what, f.id, err)
}
