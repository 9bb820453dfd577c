package kafka

import (
	"context"
	"crypto/tls"
	"path"
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
)

// Options is what a Sink is made of. Pipeline, Name, Brokers and Topic have to be given.
type Options struct {
	Pipeline, Name string
	Brokers        []string
	// Topic names the topic of a table's events that no block gave one. It is called once for a table and Writer.
	Topic         func(schema, table string) (string, error)
	Format        string // of package format; "": cloudevents
	Tombstones    bool
	Numbers       bool // numeric values as JSON numbers
	Compression   sarama.CompressionCodec
	DeadLetter    string              // topic for events that their topic cannot take; "": they halt the lane
	ProgressTopic string              // "": DefaultProgressTopic
	Create        *CreateTopics       // nil: topics are not created, but the progress topic is
	MaxInFlight   int                 // requests to a broker, 1 to 5; 0: 5
	TLS           *tls.Config         // nil: plaintext
	Login         *kafkaconnect.Login // nil: none
}

// DefaultProgressTopic is where lanes of all pipelines of a cluster keep their progress.
const DefaultProgressTopic = "tailrace.progress"

// CreateTopics says which missing topics are created, and how.
type CreateTopics struct {
	Names       []string // patterns with * for names that blocks make of row data; the sink's own are created anyway
	Partitions  int32    // 0: the brokers' default
	Replication int16    // 0: the brokers' default
	Config      map[string]string
}

// Sink is one Kafka sink of one pipeline. It implements sink.Sink.
type Sink struct {
	pipeline, name string
	topicName      func(schema, table string) (string, error)
	newEncoder     func() (format.Encoder, error)
	codec          sarama.CompressionCodec
	deadLetter     string
	progressTopic  string
	createTopics   *CreateTopics
	inFlight       int
	limit          int           // bytes accepted and not settled
	ackTimeout     time.Duration // how long a broker waits for its replicas
	giveUp         time.Duration // without anything stored
	openWithin     time.Duration
	refreshEvery   time.Duration // metadata, unasked: partitions that were added
	renewEvery     time.Duration // how often the coordinator hears of a Writer
	cluster        *kafkaconnect.Cluster
	log            *zap.Logger
	counters       counters

	mu            sync.Mutex
	learnedLimits map[string]int // bytes of a batch by topic, where the broker's refusal said it
	warned        bool           // of min.insync.replicas
	health        sink.Health
	last          *lastWriter // nil: no Writer was closed yet, or another process has opened the sink since
}

type counters struct{ records, retries, rejected atomic.Int64 }

// Counts is what a Sink has done since it was made.
type Counts struct {
	Records  int64 // stored, dead letters too, progress not
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
		pipeline: o.Pipeline, name: o.Name, topicName: o.Topic, codec: o.Compression, deadLetter: o.DeadLetter,
		progressTopic: o.ProgressTopic, createTopics: o.Create, inFlight: o.MaxInFlight,
		limit: inFlightBytes, ackTimeout: 10 * time.Second, giveUp: 30 * time.Second, openWithin: 30 * time.Second,
		refreshEvery: 30 * time.Second, renewEvery: renewEvery,
		cluster: c, log: log,
		learnedLimits: map[string]int{},
	}
	if s.progressTopic == "" {
		s.progressTopic = DefaultProgressTopic
	}
	if s.inFlight == 0 {
		s.inFlight = maxInFlight
	}
	name := o.Format
	if name == "" {
		name = format.CloudEvents
	}
	s.newEncoder = func() (format.Encoder, error) {
		return formats.New(name, format.Options{Pipeline: o.Pipeline, NumericAsNumber: o.Numbers, Tombstones: o.Tombstones})
	}
	_, err = s.newEncoder()
	return s, err
}

// Counts may be called by any goroutine.
func (s *Sink) Counts() Counts {
	c := &s.counters
	return Counts{Records: c.records.Load(), Retries: c.retries.Load(), Rejected: c.rejected.Load()}
}

// Close implements sink.Sink.
func (s *Sink) Close() error {
	s.cluster.Close()
	return nil
}

// transactionalID names the lane towards Kafka's coordinator: whoever takes an epoch for it fences those before. lane is
// what laneName returns.
func (s *Sink) transactionalID(lane string) string {
	id := "tailrace." + s.pipeline + "." + s.name
	if lane != mainLane {
		id += "." + lane
	}
	return id
}

// progressKey is the key of the lane's progress record. lane is what laneName returns.
func (s *Sink) progressKey(lane string) string { return s.pipeline + "/" + s.name + "/" + lane }

const mainLane = "main"

// creates says whether a missing topic is ours to create: one whose name comes from the settings and tables alone, or
// that is listed. Row data creates nothing else.
func (s *Sink) creates(topic string, own bool) bool {
	if s.createTopics == nil || own {
		return s.createTopics != nil
	}
	for _, p := range s.createTopics.Names {
		if ok, _ := path.Match(p, topic); ok {
			return true
		}
	}
	return false
}

// Open implements sink.Sink. The order of its steps is what I8 and the progress rest on: take an epoch; have the
// partition of the progress record refuse all epochs before it; read that record, which nobody else can write any more;
// write it again where it was lost under our own eyes; have all partitions that it names refuse them too.
func (s *Sink) Open(ctx context.Context, lane sink.Lane) (sink.Writer, sink.Progress, error) {
	within, stop := context.WithTimeoutCause(ctx, s.openWithin, kafkaconnect.ErrTimeout)
	defer stop()
	w, had, err := s.open(within, lane)
	if err != nil {
		return nil, sink.Progress{}, s.whyBlocked(ctx, lane, err)
	}
	return w, had.progress(), nil
}

// Read implements sink.Reader. It fences nobody, so an older writer may move the record on meanwhile.
func (s *Sink) Read(ctx context.Context, lane string, from capture.Origin) (sink.Progress, error) {
	within, stop := context.WithTimeoutCause(ctx, s.openWithin, kafkaconnect.ErrTimeout)
	defer stop()
	home, err := s.findProgressTopic(within)
	if err != nil || home == nil {
		return sink.Progress{Memory: sink.Empty}, err
	}
	name, err := s.laneName(within, lane, from, home)
	if err != nil {
		return sink.Progress{}, err
	}
	had, err := readProgress(within, s.cluster, home, s.progressKey(name))
	return had.progress(), err
}
