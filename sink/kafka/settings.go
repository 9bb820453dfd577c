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
	// `host:port`
	//
	// Default: required, often from a connection
	Brokers []string `hcl:"brokers"`
	// Letters, digits, `.`, `_`, `-`, at most 249.
	//
	// Value: template
	//
	// Default: `<pipeline>.<schema>.<table>`
	Topic *config.Expression `hcl:"topic,optional"`
	// `"cloudevents"` (binary mode), `"json"`, or `"raw"`: the payload that a block gives an event is the value, and there are no headers
	// besides those of the block. A plain change has no payload, so `"raw"` needs a block that makes events.
	Format string `hcl:"format,optional"`
	// The only one in this version.
	Delivery string `hcl:"delivery,optional"`
	// A null value after a delete, for compacted topics.
	Tombstones bool `hcl:"tombstones,optional"`
	// `"number"`: numeric values as JSON numbers, also in events of blocks.
	Numeric string `hcl:"numeric,optional"`
	// `"none"`, `"gzip"`, `"snappy"`, `"lz4"` or `"zstd"`.
	Compression string `hcl:"compression,optional"`
	// Topic of events that Kafka cannot take, with the reason in headers: too large, without a key, for a
	// [topic that cannot be](#topics-of-events); without it the sink halts.
	DeadLetter string `hcl:"dead_letter,optional"`
	// Topic of the progress records, with `cleanup.policy=compact`; created when absent, and
	// [again if it is deleted](operations.md#what-a-lost-progress-record-costs).
	ProgressTopic string `hcl:"progress_topic,optional"`
	// 1 to 5 requests per broker.
	MaxInFlight int `hcl:"max_in_flight,optional"`
	// `"copy"` or `"now"`: see [sinks without a record](#sinks-without-a-record).
	//
	// Default: by the source
	Start string `hcl:"start,optional"`
	// Permits `sasl` without `tls` to another host.
	AllowPlaintext bool                       `hcl:"allow_plaintext,optional"`
	TLS            *kafkaconnect.TLSSettings  `hcl:"tls,block"`
	SASL           *kafkaconnect.SASLSettings `hcl:"sasl,block"`
	CreateTopics   *CreateSettings            `hcl:"create_topics,block"`

	formatAt   hcl.Range
	stepTopics []string // that blocks of the sink and of the pipeline name
}

// NewSettings returns the settings of an empty block: the defaults.
func NewSettings() *Settings {
	return &Settings{
		Format: format.CloudEvents, Delivery: "at_least_once", Numeric: "string", Compression: "none",
		ProgressTopic: DefaultProgressTopic, MaxInFlight: maxInFlight,
	}
}

// CreateSettings is a create_topics block.
type CreateSettings struct {
	// Topics besides those that the file names and those of the tables; `*` is a wildcard. A
	// [topic that comes from a row](#topics-of-events) is created only if it is one of them.
	Names []string `hcl:"names,optional"`
	// How many a new topic gets.
	//
	// Default: the brokers'
	Partitions int `hcl:"partitions,optional"`
	// On how many brokers a new topic is.
	//
	// Default: the brokers'
	Replication int `hcl:"replication_factor,optional"`
	// The settings of a new topic, such as `{ "cleanup.policy" = "compact" }`.
	Config map[string]string `hcl:"config,optional"`
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
