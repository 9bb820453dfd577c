package fencing

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// isCoordinatorRetriable reports whether a coordinator gives this answer only temporarily.
func isCoordinatorRetriable(err error) bool {
	return kafkaconnect.CoordinatorMoved(err) || kafkaconnect.IsCode(err, sarama.ErrOffsetsLoadInProgress, sarama.ErrConcurrentTransactions,
		sarama.ErrUnknownTopicOrPartition, sarama.ErrOperationNotAttempted, sarama.ErrNotEnoughReplicas,
		sarama.ErrRequestTimedOut)
}

// isFencedCode reports whether a newer producer epoch has fenced us.
func isFencedCode(err error) bool {
	return kafkaconnect.IsCode(err, sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced, sarama.ErrInvalidProducerIDMapping)
}

// retry repeats a request while the coordinator moves, loads, or is busy with the previous transaction.
func (f *TransactionalID) retry(ctx context.Context, fn func(*kafkaconnect.Conn) error) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		err := f.cluster.AskCoordinator(ctx, f.Name, fn)
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
