//go:build !linux

package testenv

import "syscall"

// setDeathSignal does nothing: only Linux has it. Servers of a test binary that is killed stay there.
func setDeathSignal(*syscall.SysProcAttr, syscall.Signal) {}
