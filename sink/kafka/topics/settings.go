package topics

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// defaultLimit is max.message.bytes where it cannot be read: the default of brokers.
const defaultLimit = 1048588

// maxLimit limits a batch whatever the topic accepts: a broker refuses requests larger than 100 MiB.
const maxLimit = 64 << 20

// ReadLimits reads how large the batches of topics may be, and warns of a topic whose acknowledgements promise
// little. Without the ACL to read it, the default is assumed and the broker's refusals correct it. It returns the
// settings that it could read.
func (a *Admin) ReadLimits(ctx context.Context, topics []*Topic) map[string]Config {
	if len(topics) == 0 {
		return nil
	}
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	all, err := a.Configs(ctx, names...)
	for p, until := kafkaconnect.Pause(0), time.Now().Add(MissingAfter); kafkaconnect.IsTransient(err) && time.Now().Before(until) && p.Sleep(ctx, err) == nil; {
		all, err = a.Configs(ctx, names...)
	}
	if err != nil {
		unread := slices.DeleteFunc(names, func(n string) bool { return all[n] != nil })
		a.log.Info("settings of topics cannot be read, assuming the defaults", zap.Strings("topics", unread), zap.Error(err))
	}
	for _, t := range topics {
		a.applyConfig(t, all[t.Name])
	}
	return all
}

// applyConfig applies the settings of one topic.
func (a *Admin) applyConfig(t *Topic, conf Config) {
	t.Limit = defaultLimit
	if n, err := strconv.Atoi(conf["max.message.bytes"]); err == nil && n > wire.BatchHead {
		t.Limit = min(n, maxLimit)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n, ok := a.learnedLimits[t.Name]; ok {
		t.Limit = min(t.Limit, n)
	}
	if t.OneReplicaAcks(conf) && !a.warned {
		a.warned = true
		w := OneReplicaAcksWarning(a.cluster, t.Name)
		a.log.Warn(w.Reason, zap.String("fix", w.Fix))
	}
}

// LearnLimit keeps the limit that a refusal has shown, for the next Open.
func (a *Admin) LearnLimit(topic string, limit int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.learnedLimits[topic] = limit
}

// Config has the settings of a topic that matter here.
type Config map[string]string

// Configs reads the settings of topics, as far as the ACLs permit; err is the first error in the answer.
func (a *Admin) Configs(ctx context.Context, topics ...string) (all map[string]Config, err error) {
	q := &sarama.DescribeConfigsRequest{Version: 1}
	for _, n := range topics {
		q.Resources = append(q.Resources, &sarama.ConfigResource{
			Type: sarama.TopicResource, Name: n, ConfigNames: []string{"max.message.bytes", minISR, Cleanup},
		})
	}
	err = a.cluster.Ask(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.DescribeConfigs(q)
		if err != nil {
			return err
		}
		all = make(map[string]Config, len(topics))
		for _, res := range r.Resources {
			if e := kafkaconnect.AsError(sarama.KError(res.ErrorCode)); e != nil {
				err = cmp.Or(err, e)
				continue
			}
			conf := Config{}
			for _, e := range res.Configs {
				conf[e.Name] = e.Value
			}
			all[res.Name] = conf
		}
		return err
	})
	return all, err
}

// Cleanup is the setting for what Kafka does with old records: "compact" keeps the newest record of each key.
const Cleanup = "cleanup.policy"

// DeletesRecords reports whether a topic with these settings deletes the newest record of a key after some time. It
// is false where the settings cannot be read.
func (c Config) DeletesRecords() bool {
	policy, known := c[Cleanup]
	return known && strings.Contains(policy, "delete")
}

// minISR is the setting for how many in-sync replicas an acknowledgement requires.
const minISR = "min.insync.replicas"

// OneReplicaAcks reports whether the acknowledgement of one broker is enough for the topic, although it has more
// replicas.
func (t *Topic) OneReplicaAcks(conf Config) bool {
	return conf[minISR] == "1" && len(t.Partitions[0].Replicas) > 1
}

// OneReplicaAcksWarning warns of topics for which the acknowledgement of one broker is enough.
func OneReplicaAcksWarning(c *kafkaconnect.Cluster, topics ...string) *capture.Warning {
	fixes := make([]string, len(topics))
	for i, n := range topics {
		fixes[i] = c.SetTopicConfig(n, minISR, "2")
	}
	return &capture.Warning{
		Reason: fmt.Sprintf("%s is 1 for topic %s: what one broker acknowledges while the others are down is lost with that broker",
			minISR, strings.Join(topics, ", ")),
		Fix: strings.Join(fixes, "\n"),
	}
}
