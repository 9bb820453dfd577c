package kafka_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
)

func TestSettingsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*kafka.Settings)
		want string // of the diagnostic; "": none
	}{
		"all is well":       {func(*kafka.Settings) {}, ""},
		"no brokers":        {func(s *kafka.Settings) { s.Brokers = nil }, "brokers is empty"},
		"no port":           {func(s *kafka.Settings) { s.Brokers = []string{"kafka"} }, "host:port"},
		"unknown format":    {func(s *kafka.Settings) { s.Format = "xml" }, "format is unknown"},
		"format to come":    {func(s *kafka.Settings) { s.Format = "debezium" }, "not supported by this version"},
		"delivery to come":  {func(s *kafka.Settings) { s.Delivery = "exactly_once" }, "not supported by this version"},
		"unknown delivery":  {func(s *kafka.Settings) { s.Delivery = "maybe" }, "delivery is unknown"},
		"with a copy":       {func(s *kafka.Settings) { s.Start = "copy" }, ""},
		"unknown start":     {func(s *kafka.Settings) { s.Start = "later" }, "start is unknown"},
		"from now":          {func(s *kafka.Settings) { s.Start = "now" }, ""},
		"compression":       {func(s *kafka.Settings) { s.Compression = "brotli" }, "compression is unknown"},
		"numeric":           {func(s *kafka.Settings) { s.Numeric = "float" }, "numeric is unknown"},
		"many in flight":    {func(s *kafka.Settings) { s.MaxInFlight = 6 }, "max_in_flight is not 1 to 5"},
		"dead letter":       {func(s *kafka.Settings) { s.DeadLetter = "dead letters" }, "dead_letter cannot be"},
		"a topic":           {func(s *kafka.Settings) { s.Topic = template(t, "cdc.${table.schema}.${table.name}") }, ""},
		"a name of a topic": {func(s *kafka.Settings) { s.Topic = template(t, "all tables") }, "topic cannot be the name of a topic"},
		"a topic of a row":  {func(s *kafka.Settings) { s.Topic = template(t, "${row.id}") }, "row values are not known here"},
		"password in clear": {func(s *kafka.Settings) { s.SASL = &kafkaconnect.SASLSettings{Mechanism: "PLAIN"} }, "without TLS"},
		"as the file says": {func(s *kafka.Settings) {
			s.SASL, s.AllowPlaintext = &kafkaconnect.SASLSettings{Mechanism: "PLAIN"}, true
		}, ""},
		"password at home": {func(s *kafka.Settings) {
			s.SASL, s.Brokers = &kafkaconnect.SASLSettings{Mechanism: "PLAIN"}, []string{"127.0.0.1:9092", "[::1]:9092", "localhost:9092"}
		}, ""},
	} {
		s := &kafka.Settings{Brokers: []string{"kafka-1:9092", "kafka-2:9092"}}
		c.edit(s)
		d := s.CheckSettings(config.Positions{})
		if c.want == "" && len(d) != 0 || c.want != "" && (len(d) != 1 || !strings.Contains(d.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, d, c.want)
		}
	}
	if d := (&kafkaconnect.SASLSettings{Mechanism: "GSSAPI"}).CheckSettings(config.Positions{}); len(d) != 1 {
		t.Errorf("mechanism: %v", d)
	}
}

func template(t *testing.T, text string) *config.Expression {
	t.Helper()
	e, err := config.ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Brokers that do not answer have a name, say which were tried, and are no mistake of the user's: exit code 1.
func TestUnreachable(t *testing.T) {
	set := &kafka.Settings{Brokers: []string{"127.0.0.1:1", "localhost:1"}}
	named := func(what string, err error) {
		t.Helper()
		p := problem(t, err, "kafka_unreachable")
		if p.Halted || p.Usage || !strings.Contains(p.Reason, "127.0.0.1:1, localhost:1") || !strings.Contains(p.Error(), "refused") {
			t.Errorf("%s: %+v", what, p)
		}
	}
	errs := set.Check(t.Context(), pipeline(), "bus")
	if len(errs) != 1 {
		t.Fatalf("check: %v", errs)
	}
	named("check", errs[0])
	s, err := set.Sink(pipeline(), "bus", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	_, err = tryOpen(t, s)
	named("open", err)
	_, err = set.Drop(t.Context(), pipeline(), "bus", sinktest.Origin, true)
	named("drop", err)
}

// A cluster that goes away, or is only silent, under an open Writer and under the next Open.
func TestBecomesUnreachable(t *testing.T) {
	needServers(t)
	server := testenv.SharedProxiedKafka(t)
	topic := testenv.NewTopic(t, server, 1)
	proxy := server.Nodes[0].Proxy
	for name, fault := range map[string]func(){"down": proxy.Down, "silent": proxy.Hold} {
		t.Run(name, func(t *testing.T) {
			s := newSink(t, options(server.Brokers(), topic))
			s.Hasten(time.Second, 3*time.Second)
			s.OpenWithin(5 * time.Second)
			l := open(t, s)
			l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
			fault()
			defer proxy.Heal()
			l.mustWrite(row(capture.Insert, 1, 2, ""))
			problem(t, l.failure(), "kafka_unreachable")
			l.Close()
			_, err := tryOpen(t, s)
			if p := problem(t, err, "kafka_unreachable"); !strings.Contains(p.Reason, server.Brokers()[0]) {
				t.Errorf("problem %+v", p)
			}
		})
	}
}

// Check finds a missing topic and changes nothing: a Writer that is open goes on.
func TestCheckAndDrop(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 1)
	p := pipeline()
	settings := func(text string) *kafka.Settings {
		return &kafka.Settings{Brokers: server.Brokers(), Topic: template(t, text)}
	}
	errs := settings(topic+".missing").Check(t.Context(), p, "bus")
	if len(errs) != 1 {
		t.Fatalf("check: %v", errs)
	}
	problem(t, errs[0], "topic_missing")
	set := settings(topic + "${table.name == \"x\" ? \"\" : \"\"}")
	s, err := set.Sink(p, "bus", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	if errs := set.Check(t.Context(), p, "bus"); len(errs) != 0 {
		t.Errorf("check: %v", errs)
	}
	l.wait(l.mustWrite(row(capture.Insert, 2, 1, "")))
	want := []string{
		"progress record " + p + "/bus/main in topic tailrace.progress", "left: topic " + topic, "left: topic tailrace.progress",
	}
	for _, dry := range []bool{true, true, false} {
		lines, err := set.Drop(t.Context(), p, "bus", sinktest.Origin, dry)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, lines); d != "" {
			t.Errorf("drop (-want +got):\n%s", d)
		}
	}
	if lines, err := set.Drop(t.Context(), p, "bus", sinktest.Origin, false); err != nil || len(lines) != 0 {
		t.Errorf("dropped again: %v, %v", lines, err)
	}
	l.Close()
	if l := open(t, s); l.progress.Record != sink.RecordNone {
		t.Errorf("after drop the sink knows %+v", l.progress)
	}
}

// The default topic is the pipeline's, one a table.
func TestDefaultTopic(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	set := &kafka.Settings{Brokers: server.Brokers(), CreateTopics: &kafka.CreateSettings{}}
	p := pipeline()
	s, err := set.Sink(p, "bus", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	got := consume(t, server, p+".public.ledger")
	if len(got) != 1 || !slices.Contains([]string{"/tailrace/" + p}, got[0].headers["ce_source"]) {
		t.Errorf("records %+v", got)
	}
}
