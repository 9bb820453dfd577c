package ddl

import (
	"regexp"
	"strings"
)

// Step is a part of a fix that is executed.
type Step struct {
	Source  bool   // SQL for the source; else for the target
	SQL     string // one or more lines
	Command string // for a shell, beginning with tailrace
	Later   bool   // the command compares or copies rows, and needs the pipeline to run
	Restart bool   // the daemon is to be started again
}

var (
	sqlStart   = regexp.MustCompile(`^(ALTER|BEGIN|COMMENT|COMMIT|CREATE|DELETE|DROP|GRANT|INSERT|SET|TRUNCATE|UPDATE)\b`)
	afterColon = regexp.MustCompile(`^[a-z][^:;]*: ((?:ALTER|CREATE|DELETE|DROP|TRUNCATE|UPDATE)\b.*)$`)
	command    = regexp.MustCompile("tailrace (?:[a-z]+) [^`\n;]*")
	onSource   = regexp.MustCompile(`(?i)\b(in|on|at) the source`)
	onTarget   = regexp.MustCompile(`(?i)\b(in|on|at) the (target|replica)`)
	again      = regexp.MustCompile(`(?i)\b(start (it )?again|restart)\b`)
)

// Steps reads a fix as an operator does who executes what is printed: SQL goes to the server that the text names, by default
// that of the state (the target for a sink's, the source for a pipeline's); lines that begin with "or" are not needed.
func Steps(fix string, source bool) (steps []Step) {
	for line := range strings.Lines(fix) {
		line = strings.TrimSpace(line)
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
		if strings.HasPrefix(comment, "or ") || strings.HasPrefix(comment, "or, ") {
			continue
		}
		if c := command.FindString(comment); c != "" {
			steps = append(steps, commandStep(c))
		}
		if again.MatchString(comment) {
			steps = append(steps, Step{Restart: true})
		}
	}
	return steps
}

func commandStep(c string) Step {
	verb := strings.Fields(c)[1]
	return Step{Command: strings.TrimSpace(strings.TrimSuffix(c, ", then")), Later: verb == "verify" || verb == "wait"}
}

// split takes a line apart: SQL, and what is said before or after it.
func split(line string) (sql, comment string) {
	switch {
	case strings.HasPrefix(line, "or ") || strings.HasPrefix(line, "or, ") || strings.HasPrefix(line, "or: "):
		return "", line
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
