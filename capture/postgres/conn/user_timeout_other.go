//go:build !linux

package conn

import "time"

// setUserTimeout does nothing: only Linux has it. The connection beside the stream tells, see hand.
func setUserTimeout(uintptr, time.Duration) {}
