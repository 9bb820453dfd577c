package topics

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// Topic is a topic as the cluster describes it.
type Topic struct {
	Name       string
	ID         sarama.Uuid // zero: the brokers give none
	Limit      int         // bytes of a batch that the topic accepts; 0 until Admin.ReadLimits
	Partitions []Partition // by number
}

// Partition is one partition of a Topic.
type Partition struct {
	Topic    string
	ID       int32
	Leader   int32   // broker; -1: none
	Epoch    int32   // of the leader: another leader has another
	Replicas []int32 // brokers with a replica
}

// PartitionIDs returns the ids of all partitions.
func (t *Topic) PartitionIDs() []int32 {
	ids := make([]int32, len(t.Partitions))
	for i := range ids {
		ids[i] = int32(i)
	}
	return ids
}

// PartitionIDs returns the ids of all partitions of topics.
func PartitionIDs(topics map[string]*Topic) map[string][]int32 {
	all := make(map[string][]int32, len(topics))
	for n, t := range topics {
		all[n] = t.PartitionIDs()
	}
	return all
}

// Described is a topic, or the error in place of it.
type Described struct {
	Topic *Topic
	Err   error
}

// FromMetadata returns the named topics in a metadata response. The error of a topic is the code in the response; a name
// that is not in the response is unknown.
func FromMetadata(m *sarama.MetadataResponse, names ...string) map[string]Described {
	all := make(map[string]Described, len(names))
	for _, n := range names {
		all[n] = Described{Err: sarama.ErrUnknownTopicOrPartition}
	}
	for _, d := range m.Topics {
		t, err := fromMetadata(d)
		all[d.Name] = Described{t, err}
	}
	return all
}

func fromMetadata(d *sarama.TopicMetadata) (*Topic, error) {
	if d.Err != sarama.ErrNoError && d.Err != sarama.ErrLeaderNotAvailable {
		return nil, d.Err
	}
	t := &Topic{Name: d.Name, ID: d.Uuid, Partitions: make([]Partition, len(d.Partitions))}
	seen := make([]bool, len(d.Partitions))
	for _, p := range d.Partitions {
		if int(p.ID) >= len(seen) || seen[p.ID] {
			return nil, sarama.ErrLeaderNotAvailable // temporary: the request is repeated
		}
		seen[p.ID] = true
		t.Partitions[p.ID] = Partition{Topic: d.Name, ID: p.ID, Leader: p.Leader, Epoch: p.LeaderEpoch, Replicas: p.Replicas}
	}
	if len(t.Partitions) == 0 {
		return nil, sarama.ErrLeaderNotAvailable
	}
	return t, nil
}

// Describe requests the descriptions of topics, until the answer for each of them is final. The error of a topic is the
// one that DescribeError returns.
func Describe(ctx context.Context, c *kafkaconnect.Cluster, names ...string) (map[string]Described, error) {
	for p := kafkaconnect.Pause(0); ; {
		m, err := c.Metadata(ctx, names...)
		if err != nil {
			return nil, err
		}
		all := FromMetadata(m, names...)
		var moment error
		var unknown []string
		for n, t := range all {
			if t.Err == nil {
				continue
			}
			t.Err = DescribeError(c, n, t.Err)
			all[n] = t
			if IsUnknown(t.Err) {
				unknown = append(unknown, n)
			} else if kafkaconnect.IsTransient(t.Err) {
				moment = t.Err
			}
		}
		if moment == nil && len(unknown) > 0 {
			for n := range c.KnownToAny(ctx, unknown...) {
				moment = all[n].Err
			}
		}
		if moment == nil {
			return all, nil
		}
		if err := p.Sleep(ctx, moment); err != nil {
			return nil, err
		}
	}
}

// Existing describes those of the topics that exist.
func Existing(ctx context.Context, c *kafkaconnect.Cluster, names ...string) (map[string]*Topic, error) {
	known := map[string]*Topic{}
	if len(names) == 0 {
		return known, nil
	}
	all, err := Describe(ctx, c, names...)
	if err != nil {
		return nil, err
	}
	for n, t := range all {
		switch {
		case t.Err == nil:
			known[n] = t.Topic
		case !IsUnknown(t.Err):
			return nil, t.Err
		}
	}
	return known, nil
}

// IsUnknown reports whether err is the answer of a cluster that does not know a topic.
func IsUnknown(err error) bool { return kafkaconnect.IsCode(err, sarama.ErrUnknownTopicOrPartition) }

// DescribeError returns the error for a code in place of a description.
func DescribeError(c *kafkaconnect.Cluster, name string, code error) error {
	switch {
	case kafkaconnect.IsCode(code, sarama.ErrTopicAuthorizationFailed):
		return c.NotAuthorized("Topic", name, "DESCRIBE", code)
	case kafkaconnect.IsCode(code, sarama.ErrInvalidTopic):
		return invalid(name, code)
	}
	return fmt.Errorf("describe topic %s: %w", name, code)
}
