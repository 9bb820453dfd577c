// Package site starts the servers that the benchmarks run against, all on this machine: a Postgres and a Kafka of one node,
// configured as in production and not as in tests.
package site

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/testenv"
)

// Site is the running servers, and a folder for files.
type Site struct {
	Postgres *testenv.PostgresServer
	Kafka    *testenv.KafkaServer // nil: not requested
	Dir      string

	admin  sarama.ClusterAdmin
	broker *sarama.Broker // for offsets
}

// broker sets the JVM options of Kafka's own scripts.
var broker = []string{
	"-Xms1g", "-Xmx1g", "-XX:TieredStopAtLevel=4", "-XX:-UseSerialGC", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
	"-XX:InitiatingHeapOccupancyPercent=35",
}

// New starts Postgres with the options and, on request, Kafka. The caller closes it.
func New(kafka bool, options ...testenv.PostgresOption) (s *Site, err error) {
	s = &Site{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.Dir, err = os.MkdirTemp("", "tailrace-bench-"); err != nil {
		return s, err
	}
	options = append([]testenv.PostgresOption{
		testenv.Setting("max_wal_size", "16GB"), testenv.Setting("shared_buffers", "512MB"),
		testenv.Setting("autovacuum", "off"), // it would run in some of the runs only
	}, options...)
	if s.Postgres, err = testenv.StartPostgres(options...); err != nil {
		return s, err
	}
	if kafka {
		err = s.startKafka()
	}
	return s, err
}

func (s *Site) startKafka() (err error) {
	s.Kafka, err = testenv.StartKafka(testenv.Java(broker...), testenv.Property("log.segment.delete.delay.ms", "1000"))
	if err != nil {
		return err
	}
	c := sarama.NewConfig()
	c.Version = testenv.KafkaVersion
	if s.admin, err = sarama.NewClusterAdmin(s.Kafka.Direct(), c); err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	s.broker = sarama.NewBroker(s.Kafka.Direct()[0])
	return s.broker.Open(c)
}

// BrokerPid returns the process of Kafka; 0 without one.
func (s *Site) BrokerPid() int {
	if s.Kafka == nil {
		return 0
	}
	return s.Kafka.Nodes[0].Pid()
}

// Brokers returns the bootstrap list.
func (s *Site) Brokers() string { return strings.Join(s.Kafka.Brokers(), ",") }

// Topics creates topics and waits until they have leaders.
func (s *Site) Topics(partitions int, names ...string) error {
	for _, name := range names {
		err := s.admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1}, false)
		if err != nil && !errors.Is(err, sarama.ErrTopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err := s.Records(partitions, names); err == nil || time.Since(began) > 20*time.Second {
			return err
		}
	}
}

// DropTopics removes all topics with a prefix.
func (s *Site) DropTopics(prefix string) error {
	topics, err := s.admin.ListTopics()
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	for name := range topics {
		if strings.HasPrefix(name, prefix) {
			if err := s.admin.DeleteTopic(name); err != nil {
				return fmt.Errorf("drop topic %s: %w", name, err)
			}
		}
	}
	return nil
}

// Records counts the records of topics by their end offsets, in one request. Transaction markers count too.
func (s *Site) Records(partitions int, topics []string) (sum int64, err error) {
	ask := &sarama.OffsetRequest{Version: 1}
	for _, topic := range topics {
		for p := range partitions {
			ask.AddBlock(topic, int32(p), sarama.OffsetNewest, 1)
		}
	}
	answer, err := s.broker.GetAvailableOffsets(ask)
	if err != nil {
		return 0, fmt.Errorf("ask for offsets: %w", err)
	}
	for topic, blocks := range answer.Blocks {
		for p, block := range blocks {
			if block.Err != sarama.ErrNoError {
				return 0, fmt.Errorf("ask for offsets of %s/%d: %w", topic, p, block.Err)
			}
			sum += block.Offset
		}
	}
	return sum, nil
}

// LogBytes returns the size of the topics' logs: records with the headers of their batches, as stored.
func (s *Site) LogBytes(topics []string) (sum int64, err error) {
	brokers, _, err := s.admin.DescribeCluster()
	if err != nil {
		return 0, fmt.Errorf("ask for brokers: %w", err)
	}
	var ids []int32
	for _, b := range brokers {
		ids = append(ids, b.ID())
	}
	dirs, err := s.admin.DescribeLogDirs(ids)
	if err != nil {
		return 0, fmt.Errorf("ask for the size of logs: %w", err)
	}
	for _, d := range slices.Concat(slices.Collect(maps.Values(dirs))...) {
		for _, t := range d.Topics {
			if slices.Contains(topics, t.Topic) {
				for _, p := range t.Partitions {
					sum += p.Size
				}
			}
		}
	}
	return sum, nil
}

// Close stops the servers and removes the folder.
func (s *Site) Close() {
	if s.broker != nil {
		_ = s.broker.Close()
	}
	if s.admin != nil {
		_ = s.admin.Close()
	}
	if s.Kafka != nil {
		s.Kafka.Close()
	}
	if s.Postgres != nil {
		s.Postgres.Close()
	}
	if s.Dir != "" {
		_ = os.RemoveAll(s.Dir)
	}
}

func (s *Site) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, s.URL(database, Unix))
}
