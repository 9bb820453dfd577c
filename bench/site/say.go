package site

import (
	"fmt"
	"time"
)

// Say prints progress.
func Say(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
