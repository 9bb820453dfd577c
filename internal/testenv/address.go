package testenv

import "github.com/tailrace/tailrace/internal/testenv/ports"

// FreeAddress returns an address on 127.0.0.1 without a listener, "127.0.0.1:port". No other test gets it while this process
// runs.
func FreeAddress() (string, error) { return ports.FreeAddress() }
