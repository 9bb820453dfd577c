package fencing

import (
	"context"
	"math"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// CheckACLs tests whether we may write to partitions, at least one, and with the transactional id. It offers the coordinator
// partitions in the name of a producer that cannot exist: Kafka checks the ACLs first and then refuses the producer.
func (f *TransactionalID) CheckACLs(ctx context.Context, partitions map[string][]int32) (problems []error) {
	var answers map[string][]*sarama.PartitionError
	err := f.retry(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: f.Name, ProducerID: math.MaxInt64, TopicPartitions: partitions,
		})
		if err != nil {
			return err
		}
		answers = r.Errors
		for _, a := range answers {
			if len(a) > 0 && isCoordinatorRetriable(a[0].Err) && a[0].Err != sarama.ErrUnknownTopicOrPartition &&
				a[0].Err != sarama.ErrOperationNotAttempted {
				return a[0].Err
			}
		}
		return nil
	})
	if kafkaconnect.IsCode(err, sarama.ErrTransactionalIDAuthorizationFailed) {
		return []error{f.cluster.NotAuthorized("TransactionalId", f.Name, "WRITE", err)}
	}
	if err != nil {
		return []error{err}
	}
	for topic, a := range answers {
		switch {
		case len(a) == 0:
		case a[0].Err == sarama.ErrTransactionalIDAuthorizationFailed:
			return []error{f.cluster.NotAuthorized("TransactionalId", f.Name, "WRITE", a[0].Err)}
		case a[0].Err == sarama.ErrTopicAuthorizationFailed:
			problems = append(problems, f.cluster.NotAuthorized("Topic", topic, "WRITE", a[0].Err))
		}
	}
	return problems
}
