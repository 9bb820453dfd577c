package ledger

import "fmt"

// Sample is what a daemon uses at one moment. An unknown figure is -1.
type Sample struct {
	Lag         float64 // seconds, the greatest of all sinks
	Goroutines  int
	Descriptors int
	RSS         int64 // bytes
}

func (s Sample) String() string {
	return fmt.Sprintf("lag %gs, %d goroutines, %d descriptors, %d MiB", s.Lag, s.Goroutines, s.Descriptors, s.RSS>>20)
}

// Slack is by how much the end may exceed the start: the number of connections and their goroutines varies a little, and a
// heap keeps some of its memory after load.
type Slack struct {
	Goroutines  int
	Descriptors int
	RSS         int64 // bytes
}

// Liveness is O9: after the last fault the lag of a daemon without pending work is 0, and it uses no more than
// at the start. start is taken once the daemon streams, before the load; end after the load has been drained.
func Liveness(start, end Sample, slack Slack) []error {
	var f findings
	if end.Lag != 0 {
		f.add("O9 liveness: lag is %g s at the end, not 0", end.Lag)
	}
	more := func(what string, start, end, slack int64) {
		if start >= 0 && end > start+slack {
			f.add("O9 liveness: %s grew from %d to %d, more than %d", what, start, end, slack)
		}
	}
	more("goroutines", int64(start.Goroutines), int64(end.Goroutines), int64(slack.Goroutines))
	more("descriptors", int64(start.Descriptors), int64(end.Descriptors), int64(slack.Descriptors))
	more("memory", start.RSS, end.RSS, slack.RSS)
	return f.all()
}
