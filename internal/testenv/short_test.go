package testenv

import "testing"

// needServers skips a test under -short, which must not start servers.
func needServers(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
}
