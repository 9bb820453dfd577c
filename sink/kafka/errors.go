package kafka

import (
	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// outcome is what a broker's answer means for a batch.
type outcome uint8

const (
	outcomeStored     outcome = iota // durable, by this attempt or an earlier one
	outcomeRetry                     // send the same batch again, perhaps to another broker
	outcomeOutOfOrder                // send it again after the batches before it are stored; fatal when there are none
	outcomeTooLarge                  // split it
	outcomeFenced                    // another process has opened the sink
	outcomeFatal                     // the lane rewinds
)

// classify returns what an error code means for a batch.
func classify(e sarama.KError) outcome {
	switch e {
	case sarama.ErrNoError, sarama.ErrDuplicateSequenceNumber:
		return outcomeStored
	case sarama.ErrOutOfOrderSequenceNumber:
		return outcomeOutOfOrder
	case sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge:
		return outcomeTooLarge
	case sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced:
		return outcomeFenced
	}
	if kafkaconnect.IsTransient(e) {
		return outcomeRetry
	}
	return outcomeFatal
}
