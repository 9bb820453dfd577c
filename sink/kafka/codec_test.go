package kafka_test

import (
	"math"
	"testing"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

func TestCompression(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	for codec := sarama.CompressionNone; codec <= sarama.CompressionZSTD; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			topic := testenv.NewTopic(t, server, 2)
			o := options(server.Brokers(), topic)
			o.Compression = codec
			l := open(t, newSink(t, o))
			want := map[int]int{}
			var events []transform.Event
			for k := range 3000 {
				want[k] = 1
				events = append(events, row(capture.Insert, k, 1, pad(300)))
			}
			l.wait(l.mustWrite(events...))
			if err := sinktest.Check(versions(t, consume(t, server, topic)), want); err != nil {
				t.Error(err)
			}
		})
	}
}

// A real broker takes the sequence numbers beyond 2^31-1 as we count them.
func TestSequenceNumbersWrap(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 1)
	l := open(t, newSink(t, options(server.Brokers(), topic)))
	if err := kafka.SequenceFrom(l.Writer, topic, math.MaxInt32-25); err != nil {
		t.Fatal(err)
	}
	var last capture.Position
	for v := 1; v <= 30; v++ {
		last = l.mustWrite(row(capture.Insert, 1, v, ""), row(capture.Insert, 2, v, ""))
		l.wait(last)
	}
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: 30, 2: 30}); err != nil {
		t.Error(err)
	}
}
