package ddl

import (
	"regexp"
	"strings"
)

// Step is a part of a fix that can be executed.
type Step struct {
	Source  bool   // SQL for the source; otherwise for the target
	SQL     string // one or more lines
	Command string // for a shell, beginning with tailrace
	Set     string // a line to add to the sink's block until the fix is followed
	Reset   bool   // restore the sink's block
	Later   bool   // it compares or copies rows and needs a running pipeline, or comes after such a step
	Named   string // it is needed only if an earlier step compares the table with this name; "": always
	Restart bool   // restart the daemon
}

// String returns the step as text for a report.
func (s Step) String() string {
	switch {
	case s.SQL != "" && s.Source:
		return "source: " + s.SQL
	case s.SQL != "":
		return "target: " + s.SQL
	case s.Command != "":
		return s.Command
	case s.Set != "":
		return "set " + s.Set
	case s.Reset:
		return "set back"
	}
	return "restart"
}

var (
	sqlStart   = regexp.MustCompile(`^(ALTER|BEGIN|COMMENT|COMMIT|CREATE|DELETE|DROP|GRANT|INSERT|SET|TRUNCATE|UPDATE)\b`)
	afterColon = regexp.MustCompile(`^[a-z][^:;]*: ((?:ALTER|CREATE|DELETE|DROP|TRUNCATE|UPDATE)\b.*)$`)
	command    = regexp.MustCompile("tailrace (?:[a-z]+) [^`\n;]*")
	onSource   = regexp.MustCompile(`(?i)\b(in|on|at) the source`)
	onTarget   = regexp.MustCompile(`(?i)\b(in|on|at) the (target|replica)`)
	again      = regexp.MustCompile(`(?i)\b(start (it )?(again|from scratch)|restart)\b`)
	or         = regexp.MustCompile(`^(-- )?or[ ,:]`)
	afterThat  = regexp.MustCompile(`^-- after that: ((?:ALTER|DO|DROP)\b[^\n]*;)$`)
	ifNamed    = regexp.MustCompile(`^where an earlier fix names (\S+), then\b`)
	orSet      = regexp.MustCompile(`(?m)^or set (on_conflict = "source_wins"), and restart\.`)
)

// Steps reads a fix like an operator who executes exactly what is printed: SQL goes to the server that the text names, by
// default that of the state (the target for a sink's, the source for a pipeline's). A line that begins with "or", with all
// lines after it, is an alternative. It is used if nothing before it can be executed and it is complete by itself.
func Steps(fix string, source bool) (steps []Step) {
	for line := range strings.Lines(fix) {
		line = strings.TrimSpace(line)
		if or.MatchString(line) {
			break
		}
		if last := afterThat.FindStringSubmatch(line); last != nil {
			steps = append(steps, Step{Source: source, SQL: last[1], Later: true})
			continue
		}
		sql, comment := split(line)
		if prose := sql == "" || comment != ""; prose {
			switch text := line[len(sql):]; {
			case onTarget.MatchString(text) && sql == "":
				source = false
			case onSource.MatchString(text) && sql == "":
				source = true
			}
		}
		if sql != "" {
			steps = append(steps, Step{Source: source, SQL: sql})
		}
		if or.MatchString(comment) {
			continue
		}
		if c := command.FindString(comment); c != "" {
			step := commandStep(c)
			if named := ifNamed.FindStringSubmatch(comment); named != nil {
				step.Named = named[1]
			}
			steps = append(steps, step)
		}
		if again.MatchString(comment) {
			steps = append(steps, Step{Restart: true})
		}
	}
	if len(steps) == 0 {
		steps = sourceWins(fix)
	}
	later := false
	for i := range steps {
		if later = later || steps[i].Later; steps[i].SQL == "" { // a halted pipeline waits for SQL
			steps[i].Later = later
		}
	}
	return steps
}

// sourceWins returns the steps of a fix that sets on_conflict until the rows are copied.
func sourceWins(fix string) []Step {
	at := orSet.FindStringSubmatchIndex(fix)
	if at == nil {
		return nil
	}
	rest := fix[at[1]:]
	c := command.FindString(rest)
	if c == "" || !strings.Contains(rest, "set on_conflict back") {
		return nil
	}
	return []Step{{Set: fix[at[2]:at[3]]}, {Restart: true}, commandStep(c), {Reset: true}, {Restart: true}}
}

func commandStep(c string) Step {
	verb := strings.Fields(c)[1]
	return Step{Command: strings.TrimSpace(strings.TrimSuffix(c, ", then")), Later: verb == "verify" || verb == "wait"}
}

// split splits a line into SQL and the text before or after it.
func split(line string) (sql, comment string) {
	switch {
	case strings.HasPrefix(line, "--"):
		return "", strings.TrimSpace(line[2:])
	case afterColon.MatchString(line):
		line = afterColon.FindStringSubmatch(line)[1]
	case !sqlStart.MatchString(line):
		return "", line
	}
	if sql, comment, found := strings.Cut(line, "; --"); found {
		return sql + ";", strings.TrimSpace(comment)
	}
	return line, ""
}
