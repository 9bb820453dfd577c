package kafka

import (
	"fmt"
	"slices"
	"strings"

	"github.com/IBM/sarama"
	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/kafka/topics"
	"github.com/tailrace/tailrace/transform/expr"
)

// Settings is a sink "kafka" block.
type Settings struct {
	Brokers        []string                   `hcl:"brokers"`
	Topic          *config.Expression         `hcl:"topic,optional"`
	Format         string                     `hcl:"format,optional"`
	Delivery       string                     `hcl:"delivery,optional"`
	Tombstones     bool                       `hcl:"tombstones,optional"`
	Numeric        string                     `hcl:"numeric,optional"`
	Compression    string                     `hcl:"compression,optional"`
	DeadLetter     string                     `hcl:"dead_letter,optional"`
	ProgressTopic  string                     `hcl:"progress_topic,optional"`
	MaxInFlight    int                        `hcl:"max_in_flight,optional"`
	Start          string                     `hcl:"start,optional"`
	AllowPlaintext bool                       `hcl:"allow_plaintext,optional"`
	TLS            *kafkaconnect.TLSSettings  `hcl:"tls,block"`
	SASL           *kafkaconnect.SASLSettings `hcl:"sasl,block"`
	CreateTopics   *CreateSettings            `hcl:"create_topics,block"`

	formatAt   hcl.Range
	stepTopics []string // that blocks of the sink and of the pipeline name
}

// CreateSettings is a create_topics block.
type CreateSettings struct {
	Names       []string          `hcl:"names,optional"`
	Partitions  int               `hcl:"partitions,optional"`
	Replication int               `hcl:"replication_factor,optional"`
	Config      map[string]string `hcl:"config,optional"`
}

var codecs = map[string]sarama.CompressionCodec{
	"": sarama.CompressionNone, "none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	s.formatAt = at.At("format")
	var d hcl.Diagnostics
	wrong := func(attribute, summary, detail string) {
		r := at.At(attribute)
		d = append(d, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &r})
	}
	oneOf := func(attribute, value string, later []string, values ...string) {
		if slices.Contains(later, value) {
			wrong(attribute, fmt.Sprintf("%s %q is not supported by this version", attribute, value), "")
		} else if value != "" && !slices.Contains(values, value) {
			wrong(attribute, attribute+" is unknown", "Valid values: "+strings.Join(values, ", ")+".")
		}
	}
	oneOf("format", s.Format, []string{"debezium", "avro"}, format.CloudEvents, format.JSON, format.Raw)
	oneOf("delivery", s.Delivery, []string{"exactly_once"}, "at_least_once")
	oneOf("numeric", s.Numeric, nil, "string", "number")
	oneOf("start", s.Start, nil, "copy", "now")
	oneOf("compression", s.Compression, nil, "none", "gzip", "snappy", "lz4", "zstd")
	if len(s.Brokers) == 0 && at.Known("brokers") {
		wrong("brokers", "brokers is empty", `Write a list such as ["kafka:9092"].`)
	}
	for _, b := range s.Brokers {
		if !kafkaconnect.IsAddress(b) {
			wrong("brokers", "a broker is not host:port", `Write "kafka:9092".`)
			break
		}
	}
	if s.MaxInFlight < 0 || s.MaxInFlight > maxInFlight {
		wrong("max_in_flight", "max_in_flight is not 1 to 5", "Kafka recognizes a producer's last five batches, so five can be repeated.")
	}
	for attribute, name := range map[string]string{"dead_letter": s.DeadLetter, "progress_topic": s.ProgressTopic} {
		if name != "" && !kafkaconnect.IsTopicName(name) {
			wrong(attribute, attribute+" cannot be the name of a topic", topicNameRule)
		}
	}
	topic, problems := expr.NewTemplate(s.Topic)
	d = append(d, problems...)
	if topic != nil {
		if name, ok := topic.Constant(); ok && !kafkaconnect.IsTopicName(name) {
			wrong("topic", "topic cannot be the name of a topic", topicNameRule)
		}
	}
	if s.SASL != nil && s.TLS == nil && !s.AllowPlaintext && slices.ContainsFunc(s.Brokers, func(b string) bool { return !kafkaconnect.IsLoopback(b) }) {
		wrong("sasl", "a password would be sent without TLS", "Add a tls block, or allow_plaintext = true.")
	}
	return d
}

// CheckSettings implements config.Checker.
func (s *CreateSettings) CheckSettings(at config.Positions) hcl.Diagnostics {
	for attribute, n := range map[string]int{"partitions": s.Partitions, "replication_factor": s.Replication} {
		if n < 0 || n > 10_000 {
			r := at.At(attribute)
			return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: attribute + " is out of range", Subject: &r}}
		}
	}
	return nil
}

// Sink makes the sink of a pipeline's block; it contacts nothing.
func (s *Settings) Sink(pipeline, name string, log *zap.Logger) (sink.Sink, error) {
	return s.make(pipeline, name, log)
}

// Begins implements daemon.Begins.
func (s *Settings) Begins() string { return s.Start }

// TakesHeaders implements daemon.Headers: an event's headers are those of its record.
func (s *Settings) TakesHeaders() bool { return true }

func (s *Settings) make(pipeline, name string, log *zap.Logger) (*Sink, error) {
	o, err := s.options(pipeline, name)
	if err != nil {
		return nil, err
	}
	if o.TLS, err = s.TLS.Config(); err != nil {
		return nil, err
	}
	o.Login = s.SASL.Login()
	return New(o, log)
}

// NumericAsNumber reports whether numeric values are numbers in JSON.
func (s *Settings) NumericAsNumber() bool { return s.Numeric == "number" }

// options returns what the block sets, except for TLS and the login.
func (s *Settings) options(pipeline, name string) (Options, error) {
	o := Options{
		Pipeline: pipeline, Name: name, Brokers: s.Brokers, Format: s.Format, Tombstones: s.Tombstones,
		Numbers: s.NumericAsNumber(), Compression: codecs[s.Compression], DeadLetter: s.DeadLetter,
		ProgressTopic: s.ProgressTopic, MaxInFlight: s.MaxInFlight,
		Topic: func(schema, table string) (string, error) { return defaultTopic(pipeline, schema, table), nil },
		Fixed: s.fixedTopics(),
	}
	topic, problems := expr.NewTemplate(s.Topic)
	if problems.HasErrors() {
		return o, fmt.Errorf("compile topic: %w", problems)
	}
	if topic != nil {
		o.Topic = topic.Eval
	}
	if c := s.CreateTopics; c != nil {
		o.Create = &topics.Creation{Names: c.Names, Partitions: int32(c.Partitions), Replication: int16(c.Replication), Config: c.Config}
	}
	return o, nil
}

// defaultTopic is the topic of a table whose sink names none. A message has no schema: its prefix takes the place of the table.
func defaultTopic(pipeline, schema, table string) string {
	if schema == "" {
		return pipeline + "." + table
	}
	return pipeline + "." + schema + "." + table
}
