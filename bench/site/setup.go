package site

import (
	"fmt"
	"time"

	"github.com/tailrace/tailrace/bench/record"
)

// Setup is what all parts are given.
type Setup struct {
	Version int           // of Postgres
	Runs    int           // of each tool, in turn
	Limit   time.Duration // for one run of one tool
	Book    *record.Book
	// Profiles is a folder for CPU profiles of tailrace, which cost it some speed; "": none.
	Profiles string
}

// Say prints progress.
func Say(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
