package main

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// unusedAddress returns an address where no server listens, and none will while the test runs.
func unusedAddress(t *testing.T) string {
	t.Helper()
	address, err := testenv.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// orders is a file with one pipeline from a server at an address into standard output, and a daemon at another one.
func orders(server, daemon string) string {
	return `daemon {
  listen = "` + daemon + `"
}

pipeline "orders" {
  source "postgres" {
    url      = "postgres://tailrace@` + server + `/shop?sslmode=disable"
    password = env("PASSWORD")
    tables   = ["public.orders"]
  }
  sink "stdout" "out" {}
}
`
}

func TestCheckOffline(t *testing.T) {
	file := place(t, "orders.hcl", orders("127.0.0.1:1", "127.0.0.1:0"))
	tailrace(t, "check", "-offline", file).expect(t, 0, "ok: 1 pipeline, 1 sink, checked offline", "")
}

func TestCheckReportsEverythingTogether(t *testing.T) {
	file := place(t, "orders.hcl", strings.NewReplacer(
		"pipeline ", "pipelin ", "daemon {", "daemon {\n  lisen = 1").Replace(orders("h", "127.0.0.1:0")))
	r := tailrace(t, "check", "-offline", file)
	r.expect(t, 2, "", `"listen"`)
	r.expect(t, 2, "", `"pipeline"`)
	r.expect(t, 2, "", file+":")
	if strings.Contains(r.err, "\x1b") {
		t.Errorf("colours without a terminal: %q", r.err)
	}
	tailrace(t, "run", file).expect(t, 2, "", `"pipeline"`)
	tailrace(t, "drop", "-pipeline", "orders", file).expect(t, 2, "", `"pipeline"`)
}

// What the language keeps for later is no typing mistake.
func TestCheckNamesWhatIsForLater(t *testing.T) {
	file := place(t, "orders.hcl", strings.Replace(orders("h", "127.0.0.1:0"), "    tables ", "    snapshot { parallel = 4 }\n    tables ", 1))
	tailrace(t, "check", "-offline", file).expect(t, 2, "", "parallel is not supported by this version")
}

func TestCheckOfAServerThatIsAway(t *testing.T) {
	server := unusedAddress(t)
	file := place(t, "orders.hcl", orders(server, "127.0.0.1:0"))
	r := tailraceWith(t, []string{"PASSWORD=x"}, "", "check", file)
	r.expect(t, 1, "", `source "postgres" of pipeline "orders": source_unreachable`)
	r.expect(t, 1, "", file+":6:3: error:")
	r.expect(t, 1, "", server)
	tailraceWith(t, []string{"PASSWORD=x"}, "", "run", "-strict", file).expect(t, 1, "", "source_unreachable")
	tailraceWith(t, []string{"PASSWORD=x"}, "", "drop", "-yes", "-pipeline", "orders", file).
		expect(t, 1, "", "source_unreachable")
}

// Brokers that are not reachable are not an error of the file; neither is a database.
func TestCheckOfBrokersThatAreAway(t *testing.T) {
	broker := unusedAddress(t)
	text := strings.Replace(orders(unusedAddress(t), "127.0.0.1:0"), `sink "stdout" "out" {}`,
		`sink "kafka" "bus" { brokers = ["`+broker+`"] }`, 1)
	file := place(t, "orders.hcl", text)
	for _, verb := range [][]string{{"check"}, {"run", "-strict"}} {
		r := tailraceWith(t, []string{"PASSWORD=x"}, "", append(verb, file)...)
		r.expect(t, 1, "", `sink "kafka" "bus" of pipeline "orders": kafka_unreachable: Kafka does not answer at `+broker)
		r.expect(t, 1, "", "advertised.listeners")
	}
}

func TestCheckWithoutTheEnvironment(t *testing.T) {
	file := place(t, "orders.hcl", orders("127.0.0.1:1", "127.0.0.1:0"))
	tailrace(t, "check", file).expect(t, 2, "", "PASSWORD")
}

func TestDropOfAPipelineThatIsNotThere(t *testing.T) {
	file := place(t, "orders.hcl", orders("127.0.0.1:1", "127.0.0.1:0"))
	tailraceWith(t, []string{"PASSWORD=x"}, "", "drop", "-pipeline", "oders", file).
		expect(t, 2, "", `no pipeline "oders" that is enabled; did you mean "orders"?`)
}
