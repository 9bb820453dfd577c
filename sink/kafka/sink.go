package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
	"github.com/tailrace/tailrace/sink/kafka/progress"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// Options has what a Sink needs. Pipeline, Name, Brokers and Topic are required.
type Options struct {
	Pipeline, Name string
	Brokers        []string
	// Topic names the topic of a table's events, unless a block has set one. It is called once per table and Writer.
	Topic func(schema, table string) (string, error)
	// Fixed are the topics that the file names. A topic that a block has set and that is not one of them comes from a row.
	Fixed         []string
	Format        string // of package format; "": cloudevents
	Tombstones    bool
	Numbers       bool // numeric values as JSON numbers
	Compression   sarama.CompressionCodec
	DeadLetter    string              // topic for events that their topic cannot accept; "": they halt the lane
	ProgressTopic string              // "": DefaultProgressTopic
	Create        *topics.Creation    // nil: only the progress topic is created
	MaxInFlight   int                 // requests to a broker, 1 to 5; 0: 5
	TLS           *tls.Config         // nil: plaintext
	Login         *kafkaconnect.Login // nil: none
}

// DefaultProgressTopic is where the lanes of all pipelines that write to a Kafka cluster store their progress.
const DefaultProgressTopic = "tailrace.progress"

// Sink is one Kafka sink of one pipeline. It implements sink.Sink.
type Sink struct {
	pipeline, name string
	topicName      func(schema, table string) (string, error)
	fixed          map[string]bool // the topics that the file names
	newEncoder     func() (format.Encoder, error)
	codec          sarama.CompressionCodec
	deadLetter     string
	progress       *progress.Topic
	inFlight       int
	limit          int           // bytes accepted and not stored
	ackTimeout     time.Duration // how long a broker waits for its replicas
	giveUp         time.Duration // without anything stored
	openWithin     time.Duration
	refreshEvery   time.Duration // of metadata without need: finds added partitions
	renewEvery     time.Duration // how often a Writer contacts the coordinator
	cluster        *kafkaconnect.Cluster
	topics         *topics.Admin
	log            *zap.Logger
	counters       counters

	mu   sync.Mutex
	last *lastWriter // nil: no Writer was closed yet, or another process has opened the sink since
}

type counters struct{ records, retries, rejected atomic.Int64 }

// Counts has the totals since the Sink was made.
type Counts struct {
	Records  int64 // stored, with dead letters and without progress records
	Retries  int64 // times that batches of a partition were sent again
	Rejected int64 // events that went to the dead letter topic
}

// New makes a sink; it contacts nothing.
func New(o Options, log *zap.Logger) (*Sink, error) {
	c, err := kafkaconnect.New(o.Brokers, o.Login, o.TLS, maxInFlight)
	if err != nil {
		return nil, err
	}
	s := &Sink{
		pipeline: o.Pipeline, name: o.Name, topicName: o.Topic, fixed: map[string]bool{}, codec: o.Compression, deadLetter: o.DeadLetter,
		inFlight: o.MaxInFlight,
		limit:    inFlightBytes, ackTimeout: 10 * time.Second, giveUp: 30 * time.Second, openWithin: 30 * time.Second,
		refreshEvery: 30 * time.Second, renewEvery: renewEvery,
		cluster: c, topics: topics.NewAdmin(c, o.Create, log), log: log,
	}
	for _, name := range o.Fixed {
		s.fixed[name] = true
	}
	s.progress = progress.NewTopic(o.progressTopic(), o.Pipeline, o.Name, c, s.topics, log)
	s.progress.AckTimeout = s.ackTimeout
	if s.inFlight == 0 {
		s.inFlight = maxInFlight
	}
	s.newEncoder = o.encoder
	_, err = s.newEncoder()
	return s, err
}

// encoder returns a new encoder of the format.
func (o Options) encoder() (format.Encoder, error) {
	return formats.New(cmp.Or(o.Format, format.CloudEvents), format.Options{
		Pipeline: o.Pipeline, NumericAsNumber: o.Numbers, Tombstones: o.Tombstones,
	})
}

// progressTopic returns the name of the topic of the progress records.
func (o Options) progressTopic() string { return cmp.Or(o.ProgressTopic, DefaultProgressTopic) }

// Counts may be called by any goroutine.
func (s *Sink) Counts() Counts {
	c := &s.counters
	return Counts{Records: c.records.Load(), Retries: c.retries.Load(), Rejected: c.rejected.Load()}
}

// Health implements sink.HealthReporter.
func (s *Sink) Health() sink.Health { return s.progress.Health() }

// Close implements sink.Sink.
func (s *Sink) Close() error {
	s.cluster.Close()
	return nil
}

// Open implements sink.Sink. I8 and the progress depend on the order of its steps: take an epoch; have the partition
// of the progress record refuse all earlier epochs; read that record, which no other writer can change any more;
// write it again where it was lost while this process had the sink; have all partitions that it names refuse earlier
// epochs too.
func (s *Sink) Open(ctx context.Context, lane sink.Lane) (sink.Writer, sink.Progress, error) {
	within, stop := context.WithTimeoutCause(ctx, s.openWithin, kafkaconnect.ErrTimeout)
	defer stop()
	w, had, err := s.open(within, lane)
	if err != nil {
		return nil, sink.Progress{}, s.whyBlocked(ctx, lane, err)
	}
	return w, had.Progress(), nil
}

// Read implements sink.Reader. It fences no writer, so an older one may advance the record in the meantime.
func (s *Sink) Read(ctx context.Context, lane string, from capture.Origin) (sink.Progress, error) {
	within, stop := context.WithTimeoutCause(ctx, s.openWithin, kafkaconnect.ErrTimeout)
	defer stop()
	home, err := s.progress.Find(within)
	if err != nil || home == nil {
		return sink.Progress{Record: sink.RecordNone}, err
	}
	name, err := s.laneName(within, home, lane, from)
	if err != nil {
		return sink.Progress{}, err
	}
	had, err := s.progress.Read(within, home, name)
	return had.Progress(), err
}
