package kafka_test

import (
	"os"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
)

func TestTLSAndLogin(t *testing.T) {
	needServers(t)
	server := testenv.Kafka(t, testenv.SSL(), testenv.SASL("tailrace", "correct horse"))
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			topic := testenv.NewTopic(t, server, 1)
			name, err := config.ParseTemplate(topic)
			if err != nil {
				t.Fatal(err)
			}
			set := &kafka.Settings{
				Brokers: server.Brokers(), Topic: name, Format: "json",
				TLS:  &kafkaconnect.TLSSettings{CA: server.CAFile},
				SASL: &kafkaconnect.SASLSettings{Mechanism: mechanism, User: "tailrace", Password: "correct horse"},
			}
			p := pipeline()
			if errs := set.Check(t.Context(), p, "bus"); len(errs) != 0 {
				t.Fatalf("check: %v", errs)
			}
			s, err := set.Sink(p, "bus", zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			l := open(t, s)
			l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
			if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: 1}); err != nil {
				t.Error(err)
			}
			set.SASL.Password = "wrong"
			errs := set.Check(t.Context(), p, "bus")
			if len(errs) != 1 || strings.Contains(errs[0].Error(), "wrong\"") {
				t.Fatalf("check with a wrong password: %v", errs)
			}
			problem(t, errs[0], "login_refused")
			set.SASL.Password, set.TLS = "correct horse", &kafkaconnect.TLSSettings{}
			errs = set.Check(t.Context(), p, "bus")
			if len(errs) != 1 {
				t.Fatalf("check without the authority: %v", errs)
			}
			problem(t, errs[0], "tls_unverified")
		})
	}
	pem, err := os.ReadFile(server.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	set := &kafka.Settings{
		Brokers: server.Brokers(), TLS: &kafkaconnect.TLSSettings{CA: string(pem)},
		SASL: &kafkaconnect.SASLSettings{Mechanism: "PLAIN", User: "tailrace", Password: "correct horse"},
	}
	if errs := set.Check(t.Context(), pipeline(), "bus"); len(errs) != 0 {
		t.Errorf("check with the certificate's text: %v", errs)
	}
}

// A broker cuts a connection whose login has lived as long as it allows (connections.max.reauth.ms). That is a loss like any
// other: what was on its way is sent again over a new one, and stored once.
func TestLoginsThatExpire(t *testing.T) {
	needServers(t)
	server := testenv.Kafka(t, testenv.SASL("tailrace", "secret"), testenv.Property("connections.max.reauth.ms", "500"))
	topic := testenv.NewTopic(t, server, 2)
	o := options(server.Brokers(), topic)
	o.Login = &kafkaconnect.Login{Mechanism: "PLAIN", User: "tailrace", Password: "secret"}
	s := newSink(t, o)
	l := open(t, s)
	version := 0
	for s.Counts().Retries < 3 { // logins have ended while something was on its way
		version++
		l.wait(l.mustWrite(row(capture.Insert, 1, version, ""), row(capture.Insert, 2, version, "")))
	}
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: version, 2: version}); err != nil {
		t.Error(err)
	}
}

// What is not allowed is named, with the ACL that is missing.
func TestNotAuthorized(t *testing.T) {
	needServers(t)
	server := testenv.Kafka(t, testenv.ACLs(), testenv.SASL("tailrace", "secret"))
	topic := testenv.NewTopic(t, server, 1)
	server.CreateTopic(t, kafka.DefaultProgressTopic, 1, nil)
	name, err := config.ParseTemplate(topic)
	if err != nil {
		t.Fatal(err)
	}
	set := &kafka.Settings{
		Brokers: server.Brokers(), Topic: name, Format: "json",
		SASL: &kafkaconnect.SASLSettings{Mechanism: "PLAIN", User: "tailrace", Password: "secret"},
	}
	p := pipeline()
	s, err := set.Sink(p, "bus", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	// tryOpen opens and writes, and returns what Kafka did not permit.
	attempt := func() error {
		l, err := tryOpen(t, s)
		if err != nil {
			return err
		}
		defer l.Close()
		end, err := l.write(row(capture.Insert, 1, 1, ""))
		if err != nil {
			return err
		}
		select {
		case err := <-l.failed:
			return err
		case at := <-l.held:
			if at.Before(end) {
				l.wait(end)
			}
		}
		return nil
	}
	// The commands of the fixes are for an administrator, who comes in by another door here.
	grant := func(fix string) { runFix(t, fix, "...", "tailrace", server.Brokers()[0], server.Direct()[0]) }
	for _, missing := range []string{ // in the fixes of the named state
		"DESCRIBE --topic '" + kafka.DefaultProgressTopic + "'",
		"WRITE --transactional-id 'tailrace." + p + ".bus'",
		"WRITE --topic '" + kafka.DefaultProgressTopic + "'",
		"READ --topic '" + kafka.DefaultProgressTopic + "'",
		"DESCRIBE --topic '" + topic + "'",
		"WRITE --topic '" + topic + "'",
	} {
		err := attempt()
		denied := problem(t, err, "not_authorized")
		if !strings.Contains(denied.Fix, missing) {
			t.Errorf("fix %q, want %q", denied.Fix, missing)
		}
		if !strings.Contains(missing, "READ") { // a fetch is all that Check does not try
			found := false
			for _, err := range set.Check(t.Context(), p, "bus") {
				pr := capture.AsProblem(err)
				found = found || pr != nil && strings.Contains(pr.Fix, missing)
			}
			if !found {
				t.Errorf("check does not name %s: %v", missing, set.Check(t.Context(), p, "bus"))
			}
		}
		grant(denied.Fix)
	}
	if err := attempt(); err != nil {
		t.Errorf("with all rights: %v", err)
	}
	if errs := set.Check(t.Context(), p, "bus"); len(errs) != 0 {
		t.Errorf("check with all rights: %v", errs)
	}
	grant(kafka.FixOf(open(t, s).Writer, sarama.ErrClusterAuthorizationFailed)) // which only brokers before 3.0 ask for
}
