package reader

import (
	"fmt"
	"strconv"
	"strings"
)

// offered is a load for the tools.
type offered struct {
	rate float64 // MB/s offered; 0: the full rate of a backlog
	busy bool    // next to a process that keeps a core busy
}

const full = "full"

// loads is a flag.
type loads []offered

// Set implements flag.Value.
func (ls *loads) Set(text string) error {
	*ls = nil
	for _, word := range strings.Split(text, ",") {
		var l offered
		rate, busy := strings.CutPrefix(word, "busy-")
		if l.busy = busy; rate != full {
			var err error
			if l.rate, err = strconv.ParseFloat(rate, 64); err != nil || !(l.rate > 0) {
				return fmt.Errorf("%q is neither MB/s nor %s", word, full)
			}
		}
		*ls = append(*ls, l)
	}
	return nil
}

// String implements flag.Value.
func (ls *loads) String() string {
	var words []string
	for _, l := range *ls {
		word := full
		if l.rate > 0 {
			word = strconv.FormatFloat(l.rate, 'f', -1, 64)
		}
		if l.busy {
			word = "busy-" + word
		}
		words = append(words, word)
	}
	return strings.Join(words, ",")
}

// with returns the line of a tool in the table.
func (l offered) with(name string) string {
	text := "full rate"
	if l.rate > 0 {
		text = strconv.FormatFloat(l.rate, 'f', -1, 64) + " MB/s"
	}
	if l.busy {
		text += " next to a busy core"
	}
	return text + ": " + name
}
