package kafkaconnect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

// IsTransient reports whether a broker gives this answer only temporarily.
func IsTransient(err error) bool {
	var code sarama.KError
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case sarama.ErrUnknownTopicOrPartition, // becomes a state once the metadata confirms it
		sarama.ErrLeaderNotAvailable, sarama.ErrNotLeaderForPartition, sarama.ErrRequestTimedOut,
		sarama.ErrBrokerNotAvailable, sarama.ErrReplicaNotAvailable, sarama.ErrNetworkException,
		sarama.ErrNotEnoughReplicas, sarama.ErrNotEnoughReplicasAfterAppend, sarama.ErrKafkaStorageError,
		sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrThrottlingQuotaExceeded,
		sarama.ErrInvalidMessage, // corrupted in transit
		sarama.ErrOffsetNotAvailable, sarama.ErrNotController:
		return true
	}
	return false
}

// Pause is how long to wait before a request is repeated. It doubles from 10 ms up to half a second. The zero value is ready.
type Pause time.Duration

// Sleep waits. If ctx ends first, it returns err, the last temporary answer, with the cause of ctx.
func (p *Pause) Sleep(ctx context.Context, err error) error {
	d := max(time.Duration(*p), 10*time.Millisecond)
	*p = Pause(min(2*d, 500*time.Millisecond))
	if cause := capture.Sleep(ctx, d); cause != nil {
		return fmt.Errorf("%w (%w)", err, cause)
	}
	return nil
}
