//go:build !linux

package folder

import "os"

// memoryDir is empty: there is no such file system.
const memoryDir = ""

func parentDir() string { return os.TempDir() }
