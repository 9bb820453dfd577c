// Command fetch downloads what the tests' servers need in advance, so that no test waits for it.
package main

import (
	"fmt"
	"os"

	"github.com/tailrace/tailrace/internal/testenv"
)

func main() {
	if err := testenv.Fetch(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
