package kafka_test

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Every goroutine that a Writer or its Sink has started has ended when both are closed, also those of connections that were
// lost.
func TestCloseWaitsForGoroutines(t *testing.T) {
	c, _ := fake(t)
	for range 20 {
		s := newSink(t, options(c.ListenAddrs(), "ledger"))
		s.Hasten(3*time.Second, 30*time.Second)
		l := open(t, s)
		l.wait(l.mustWrite(row(capture.Insert, 1, 1, ""), row(capture.Insert, 2, 1, ""), row(capture.Insert, 3, 1, "")))
		l.Close()
		for _, name := range []string{"kafka.(*sender).run", "kafka.(*Writer).maintain", "kafka.(*produceConn).readResponses"} {
			testenv.NoGoroutine(t, name)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		testenv.NoGoroutine(t, "sarama.(*Broker).Close")
	}
}
