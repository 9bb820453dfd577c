package capture

import (
	"regexp"
	"strings"
)

// FixArgs complete the tailrace commands in the fixes of a pipeline's problems. A fix has the word P for the pipeline's name, after
// -pipeline, and the word FILE for the paths of its files:
//
//	copy the rows again: `tailrace drop -pipeline P FILE`, then start again
type FixArgs struct {
	Pipeline string   // "": P stays
	Paths    []string // files and folders; empty: FILE stays
}

// command matches the tailrace commands in a text, up to the end of the quote or of the line.
var command = regexp.MustCompile("\\btailrace [a-z]+ [^`\n]*")

// Complete returns a fix whose commands can be pasted into a shell.
func (a FixArgs) Complete(fix string) string {
	return command.ReplaceAllStringFunc(fix, func(c string) string {
		words := strings.Split(c, " ")
		for i, w := range words {
			switch {
			case w == "P" && i > 0 && words[i-1] == "-pipeline" && a.Pipeline != "":
				words[i] = ShellWord(a.Pipeline)
			case w == "FILE" && len(a.Paths) > 0:
				var paths []string
				for _, p := range a.Paths {
					paths = append(paths, ShellWord(p))
				}
				words[i] = strings.Join(paths, " ")
			}
		}
		return strings.Join(words, " ")
	})
}

// Error returns err with a completed fix; err itself when it is not a Problem.
func (a FixArgs) Error(err error) error {
	p := AsProblem(err)
	if p == nil {
		return err
	}
	q := *p
	q.Fix = a.Complete(p.Fix)
	return &completed{err, &q}
}

// completed is an error whose problem has another fix.
type completed struct {
	error
	problem *Problem
}

// Unwrap returns the original error.
func (c *completed) Unwrap() error { return c.error }

// As returns the completed problem to errors.As.
func (c *completed) As(target any) bool {
	if p, ok := target.(**Problem); ok {
		*p = c.problem
		return true
	}
	return false
}

// plainWord matches a word that a shell does not interpret.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// ShellWord quotes a word for a shell if necessary.
func ShellWord(w string) string {
	if plainWord.MatchString(w) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
