package topics

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// Admin creates topics and reads their settings, for one sink. Its methods may be called by any goroutine.
type Admin struct {
	cluster  *kafkaconnect.Cluster
	creation *Creation
	log      *zap.Logger

	mu            sync.Mutex
	learnedLimits map[string]int // bytes of a batch by topic, from refusals of a broker
	warned        bool           // of min.insync.replicas
}

// Creation defines which missing topics are created, and how.
type Creation struct {
	Names       []string // patterns with * for names that blocks make from row data; names from the settings need no pattern
	Partitions  int32    // 0: the brokers' default
	Replication int16    // 0: the brokers' default
	Config      map[string]string
}

// NewAdmin returns an Admin; it contacts nothing. With a nil creation the settings permit no topic to be created.
func NewAdmin(c *kafkaconnect.Cluster, creation *Creation, log *zap.Logger) *Admin {
	return &Admin{cluster: c, creation: creation, log: log, learnedLimits: map[string]int{}}
}

// Creates reports whether a missing topic is created: one whose name comes from the settings and tables only (own), or that
// is listed. Row data creates no other topic.
func (a *Admin) Creates(topic string, own bool) bool {
	if a.creation == nil || own {
		return a.creation != nil
	}
	for _, p := range a.creation.Names {
		if ok, _ := path.Match(p, topic); ok {
			return true
		}
	}
	return false
}

func (c *Creation) detail() *sarama.TopicDetail {
	d := &sarama.TopicDetail{NumPartitions: c.Partitions, ReplicationFactor: c.Replication, ConfigEntries: map[string]*string{}}
	if d.NumPartitions == 0 {
		d.NumPartitions = -1
	}
	if d.ReplicationFactor == 0 {
		d.ReplicationFactor = -1
	}
	for k, v := range c.Config {
		d.ConfigEntries[k] = &v
	}
	return d
}

// createTimeout limits how long a broker works on a new topic.
const createTimeout = 15 * time.Second

// maxCreateRecords limits how many records of the controller's log one CreateTopics request makes; Kafka refuses more
// than 10,000.
const maxCreateRecords = 5000

// Create creates topics; a topic that exists by now is no error. It returns the errors of those that were not
// created.
func (a *Admin) Create(ctx context.Context, names []string, how *Creation) map[string]error {
	d := how.detail()
	failed := map[string]error{}
	partitions := int(d.NumPartitions)
	if partitions < 0 { // the default of the brokers, which we do not know
		partitions = 50
	}
	for some := range slices.Chunk(names, max(1, maxCreateRecords/(1+partitions+len(d.ConfigEntries)))) {
		a.createSome(ctx, some, d, failed)
	}
	return failed
}

// createSome repeats the request for topics that the controller refuses temporarily, and when another broker has
// become the controller.
func (a *Admin) createSome(ctx context.Context, names []string, d *sarama.TopicDetail, failed map[string]error) {
	for p, until := kafkaconnect.Pause(0), time.Now().Add(createTimeout); ; {
		was := a.cluster.Controller()
		answers, err := a.createOnce(ctx, names, d)
		gone := capture.AsProblem(err) != nil && capture.AsProblem(err).State == "kafka_unreachable"
		var left []string
		for _, n := range names {
			if e := a.createError(n, answers[n], err); e != nil {
				failed[n] = e
				if kafkaconnect.IsTransient(e) || gone {
					left = append(left, n)
				}
			}
		}
		if names = left; len(names) == 0 || time.Now().After(until) || p.Sleep(ctx, failed[names[0]]) != nil {
			return
		}
		if _, err := a.cluster.Metadata(ctx, names[0]); err != nil || gone && a.cluster.Controller() == was {
			return
		}
		for _, n := range names {
			delete(failed, n)
		}
	}
}

// createOnce sends one request and returns the answers by topic.
func (a *Admin) createOnce(ctx context.Context, names []string, d *sarama.TopicDetail) (answers map[string]*sarama.TopicError, err error) {
	details := make(map[string]*sarama.TopicDetail, len(names))
	for _, n := range names {
		details[n] = d
	}
	err = a.cluster.AskController(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.CreateTopics(&sarama.CreateTopicsRequest{Version: 5, Timeout: createTimeout, TopicDetails: details})
		if err == nil {
			answers = r.TopicErrors
		}
		return err
	})
	return answers, err
}

// createError returns the error in the answer for a topic. err is the error of the request, when there was no answer.
func (a *Admin) createError(name string, answer *sarama.TopicError, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("create topic %s: %w", name, err)
	case answer == nil || answer.Err == sarama.ErrNoError:
		a.log.Info("topic created", zap.String("topic", name))
		return nil
	case answer.Err == sarama.ErrTopicAlreadyExists:
		return nil
	case answer.Err == sarama.ErrTopicAuthorizationFailed, answer.Err == sarama.ErrClusterAuthorizationFailed:
		return a.cluster.NotAuthorized("Topic", name, "CREATE", answer.Err)
	case answer.ErrMsg != nil:
		return fmt.Errorf("create topic %s: %w: %s", name, answer.Err, *answer.ErrMsg)
	}
	return fmt.Errorf("create topic %s: %w", name, answer.Err)
}
