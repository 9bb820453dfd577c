package fencing

import (
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
