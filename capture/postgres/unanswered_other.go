//go:build !linux

package postgres

import "time"

// setUnanswered does nothing: only Linux has it. The connection beside the stream tells, see hand.
func setUnanswered(uintptr, time.Duration) {}
