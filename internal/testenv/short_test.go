package testenv

import "testing"

// needServers skips a test under -short, which promises to start none.
func needServers(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
}
