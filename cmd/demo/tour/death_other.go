//go:build !linux

package main

import "syscall"

// ownGroup keeps Ctrl-C from the daemon, which we stop ourselves. Only Linux can end it when we are killed.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
