package main

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/config/spelling"
)

// The exit codes.
const (
	done   = 0
	failed = 1 // the command failed: a server is not reachable, or it timed out
	usage  = 2 // the user has to change something: the arguments, the file, or what a live check found in a server
)

// usageError is an error of the arguments.
type usageError string

func (e usageError) Error() string { return string(e) }

// exit is an exit code whose reason was already printed.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// didYouMean is `; did you mean "x"?` where a name is near, else "".
func didYouMean(given string, names []string) string {
	nearest := spelling.Nearest(given, slices.Clone(names))
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", nearest)
}
