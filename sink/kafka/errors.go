package kafka

import (
	"fmt"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
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

// progressDeleted returns the state that ends a Writer whose progress topic is gone. The next Open creates the topic
// and writes the record again.
func progressDeleted(name, more string) *capture.Problem {
	return &capture.Problem{
		State: "progress_deleted", Usage: true,
		Reason: fmt.Sprintf("progress topic %s was deleted%s while we run: the topic and our record are created again", name, more),
		Fix:    "find out what deletes it: a daemon that starts, or a standby that takes over, before the record is there again halts with no_record",
	}
}
