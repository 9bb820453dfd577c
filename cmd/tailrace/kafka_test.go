package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// A Kafka that is away has one name in all places, stops no daemon, and is there when it is there. What the check only
// warns of is no error.
func TestKafkaThatIsAway(t *testing.T) {
	s := openShop(t)
	address, broker := unusedAddress(t), unusedAddress(t)
	file := place(t, "orders.hcl", fmt.Sprintf(`
daemon {
  listen = %q
}
pipeline "orders" {
  source "postgres" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
    tables   = ["public.orders"]
  }
  sink "kafka" "bus" {
    brokers = [%q]
    create_topics {}
  }
}
`, address, s.server.Port, s.name, broker))
	tailraceWith(t, withPassword, "", "check", file).expect(t, 1, "", "kafka_unreachable")
	tailraceWith(t, withPassword, "", "run", "-strict", file).expect(t, 1, "", "kafka_unreachable")
	d := startDaemon(t, withPassword, address, file)
	eventually(t, func() bool {
		body, err := d.get("/readyz?strict")
		return err == nil && strings.Contains(body, "kafka_unreachable")
	})
	tailrace(t, "status", "-url", d.url).expect(t, 0, "kafka_unreachable", "")
	for path, text := range map[string]string{
		"/metrics":                 `kind="retrying",pipeline="orders",sink="bus",state="kafka_unreachable"} 1`,
		"/api/v1/pipelines/orders": broker,
	} {
		if body, err := d.get(path); err != nil || !strings.Contains(body, text) {
			t.Errorf("%s does not have %s: %v %s", path, text, err, body)
		}
	}
	_, port, _ := strings.Cut(broker, ":")
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kfake.NewCluster(kfake.Ports(n, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	tailrace(t, "wait", "-pipeline", "orders", "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
	tailraceWith(t, withPassword, "", "check", file).
		expect(t, 0, "ok: 1 pipeline, 1 sink, checked live", `warning: sink "kafka" "bus" of pipeline "orders": min.insync.replicas is 1`)
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
}

// eventually waits until something is the case.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not the case after a minute")
		}
	}
}
