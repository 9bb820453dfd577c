package testenv

import (
	"testing"

	"github.com/tailrace/tailrace/internal/testenv/ports"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
)

// FreeAddress returns an address on 127.0.0.1 without a listener, "127.0.0.1:port". No other test gets it while this process
// runs.
func FreeAddress() (string, error) { return ports.FreeAddress() }

// Proxy starts a proxy to the server at target ("host:port") that ends with the test.
func Proxy(t testing.TB, target string) *proxy.Server {
	t.Helper()
	p, err := proxy.Start(target)
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}
