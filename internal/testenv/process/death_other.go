//go:build !linux

package process

import "syscall"

// setDeathSignal does nothing: only Linux has the signal. The servers of a test binary that is killed keep running.
func setDeathSignal(*syscall.SysProcAttr, syscall.Signal) {}
