package testenv

import (
	"runtime"
	"strings"
	"testing"
)

// NoGoroutine fails the test when a goroutine that executes a function is left. name is the end of the function's name, such
// as "kafka.(*sender).run". What has started the goroutine must have waited for it, so NoGoroutine does not wait.
func NoGoroutine(t testing.TB, name string) {
	t.Helper()
	buf := make([]byte, 16<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, name+"(") {
			t.Errorf("a goroutine is left:\n%s", stack)
		}
	}
}
