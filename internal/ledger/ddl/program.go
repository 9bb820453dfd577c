package ddl

import (
	"fmt"
	"slices"
	"strings"
)

// The verbs of actions.
const (
	Set      = "set"      // a setting of the stage, before the first start: add_columns, restart
	Do       = "do"       // one statement in its own transaction
	Tx       = "tx"       // statements in one transaction
	Start    = "start"    // starts a daemon; the first one is awaited until it streams
	Kill     = "kill"     // kill -9
	Freeze   = "freeze"   // SIGSTOP: the daemon lags
	Wake     = "wake"     // SIGCONT
	Takeover = "takeover" // a second daemon waits as the standby, the first one is killed
	Sync     = "sync"     // waits until everything is in the replica, or the daemon is halted
	Settle   = "settle"   // follows every fix until everything is in the replica, then compares
)

var verbs = []string{Set, Do, Tx, Start, Kill, Freeze, Wake, Takeover, Sync, Settle}

// separator separates the statements of a transaction. No statement of Generate contains it.
const separator = "; "

// Action is one step of a Program.
type Action struct {
	Verb       string
	Argument   string   // of Set
	Statements []string // of Do and Tx
}

// Program is what a Stage runs.
type Program []Action

// String returns the text form, one action per line.
func (a Action) String() string {
	switch {
	case a.Argument != "":
		return a.Verb + " " + a.Argument
	case len(a.Statements) > 0:
		return a.Verb + " " + strings.Join(a.Statements, separator)
	}
	return a.Verb
}

func (p Program) String() string {
	var b strings.Builder
	for _, a := range p {
		b.WriteString(a.String() + "\n")
	}
	return b.String()
}

// Parse reads the text form. It ignores empty lines and those that begin with #.
func Parse(text string) (Program, error) {
	var p Program
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		a := Action{Verb: verb}
		switch {
		case !slices.Contains(verbs, verb):
			return nil, fmt.Errorf("%q: the verbs of a program are %s", line, strings.Join(verbs, ", "))
		case verb == Set:
			a.Argument = rest
		case verb == Tx:
			a.Statements = strings.Split(strings.TrimSuffix(rest, ";"), separator)
		case verb == Do:
			a.Statements = []string{rest}
		case rest != "":
			return nil, fmt.Errorf("%q: %s takes no argument", line, verb)
		}
		if (verb == Set || verb == Tx || verb == Do) && rest == "" {
			return nil, fmt.Errorf("%q: %s needs an argument", line, verb)
		}
		p = append(p, a)
	}
	return p, nil
}

// has reports whether the program has a setting.
func (p Program) has(setting string) bool {
	return slices.ContainsFunc(p, func(a Action) bool { return a.Verb == Set && a.Argument == setting })
}
