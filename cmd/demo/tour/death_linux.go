package main

import "syscall"

// ownGroup keeps Ctrl-C from the daemon, which we stop ourselves, and ends it when we are killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
