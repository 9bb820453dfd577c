//go:build !linux

package testenv

import "os"

// memoryDir is empty: there is no such file system.
const memoryDir = ""

func parentDir() string { return os.TempDir() }
