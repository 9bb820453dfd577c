//go:build !linux

package conn

import "time"

// setUserTimeout does nothing: only Linux supports it. The control connection detects a dead server, see stream.hand.
func setUserTimeout(uintptr, time.Duration) {}
