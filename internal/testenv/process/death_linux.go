package process

import "syscall"

// setDeathSignal makes the kernel send s to the process when its parent thread ends.
func setDeathSignal(a *syscall.SysProcAttr, s syscall.Signal) { a.Pdeathsig = s }
