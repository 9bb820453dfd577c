package kafka

import (
	"errors"
	"fmt"
	"slices"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

// What a broker's answer to a batch means for it.
type outcome uint8

const (
	stored  outcome = iota // durable, by this try or an earlier one
	again                  // the same batch again, perhaps to another broker
	early                  // again once the batches before it are stored; fatal when there are none
	tooBig                 // split it
	another                // somebody else opened the sink
	fatal                  // the lane rewinds
)

func judge(e sarama.KError) outcome {
	switch e {
	case sarama.ErrNoError, sarama.ErrDuplicateSequenceNumber:
		return stored
	case sarama.ErrOutOfOrderSequenceNumber:
		return early
	case sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge:
		return tooBig
	case sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced:
		return another
	case sarama.ErrUnknownTopicOrPartition, // named once the metadata says so too
		sarama.ErrLeaderNotAvailable, sarama.ErrNotLeaderForPartition, sarama.ErrRequestTimedOut,
		sarama.ErrBrokerNotAvailable, sarama.ErrReplicaNotAvailable, sarama.ErrNetworkException,
		sarama.ErrNotEnoughReplicas, sarama.ErrNotEnoughReplicasAfterAppend, sarama.ErrKafkaStorageError,
		sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrThrottlingQuotaExceeded,
		sarama.ErrInvalidMessage: // a checksum that broke on the way
		return again
	}
	return fatal
}

func isCode(err error, codes ...sarama.KError) bool {
	return slices.ContainsFunc(codes, func(c sarama.KError) bool { return errors.Is(err, c) })
}

// moved: the coordinator is elsewhere.
func moved(err error) bool {
	return isCode(err, sarama.ErrNotCoordinatorForConsumer, sarama.ErrConsumerCoordinatorNotAvailable)
}

// comesBack: a coordinator says so for a while, without anybody's help.
func comesBack(err error) bool {
	return moved(err) || isCode(err, sarama.ErrOffsetsLoadInProgress, sarama.ErrConcurrentTransactions,
		sarama.ErrUnknownTopicOrPartition, sarama.ErrOperationNotAttempted, sarama.ErrNotEnoughReplicas,
		sarama.ErrRequestTimedOut)
}

func fenced(err error) bool {
	return isCode(err, sarama.ErrInvalidProducerEpoch, sarama.ErrProducerFenced, sarama.ErrInvalidProducerIDMapping)
}

// login: the broker knows us and does not let us in.
func login(err error) bool {
	return isCode(err, sarama.ErrSASLAuthenticationFailed, sarama.ErrUnsupportedSASLMechanism, sarama.ErrIllegalSASLState)
}

// notAuthorized names the ACL that is missing. The operation is written as kafka-acls.sh takes it, which has no underscores.
func (c *cluster) notAuthorized(resource, name, operation string, err error) *capture.Problem {
	flag := map[string]string{"Topic": "--topic", "TransactionalId": "--transactional-id", "Cluster": "--cluster"}[resource]
	if resource != "Cluster" {
		flag += fmt.Sprintf(" '%s'", name)
	}
	return &capture.Problem{
		State: "not_authorized", Usage: true,
		Reason: fmt.Sprintf("Kafka does not allow us to %s on %s %s", operation, resource, name),
		Fix:    fmt.Sprintf("%s --add --allow-principal User:... --operation %s %s", c.tool("kafka-acls.sh"), operation, flag),
		Err:    err,
	}
}

// topicMissing names a topic that has to be made.
func (c *cluster) topicMissing(name string, err error) *capture.Problem {
	return &capture.Problem{
		State: "topic_missing", Usage: true,
		Reason: fmt.Sprintf("topic %s does not exist", name),
		Fix: fmt.Sprintf("%s --create --topic '%s' --partitions ... --replication-factor ...\n"+
			"or name it in the sink's create_topics block", c.tool("kafka-topics.sh"), name),
		Err: err,
	}
}

// progressDeleted is what ends a Writer whose progress topic is gone. The next Open makes the topic, and writes the record again.
func progressDeleted(name, more string) *capture.Problem {
	return &capture.Problem{
		State: "progress_deleted", Usage: true,
		Reason: fmt.Sprintf("progress topic %s was deleted%s while we run: the topic and our record are made again", name, more),
		Fix:    "find out what deletes it: a daemon that starts, or a standby that takes over, before the record is there again halts with no_record",
	}
}

func topicInvalid(name string, err error) *capture.Problem {
	return &capture.Problem{
		State: "topic_invalid", Halted: true, Usage: true,
		Reason: fmt.Sprintf("%q cannot be the name of a topic", name),
		Fix:    `give a topic with letters, digits, ".", "_" and "-" only, such as topic = "cdc.${replace(table.name, " ", "_")}"`,
		Err:    err,
	}
}

func loginRefused(err error) *capture.Problem {
	return &capture.Problem{
		State: "login_refused", Usage: true, Reason: "Kafka does not accept the sink's login",
		Fix: "look at the sink's sasl block: mechanism, username and password", Err: err,
	}
}
