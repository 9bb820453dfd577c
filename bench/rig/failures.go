package rig

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
)

// Failure is one failure in a call of the command: of a run of a line, of a case, or of a part.
type Failure struct {
	Part   string
	Case   string // "": the part as a whole
	Line   string // "": the case as a whole
	Run    int    // from 1; 0: none
	Reason string
}

// String returns one line of text, whatever the reason contains.
func (f Failure) String() string {
	var words []string
	if where := strings.TrimSpace(f.Part + " " + f.Case); where != "" {
		words = append(words, where)
	}
	if f.Line != "" {
		words = append(words, f.Line)
	}
	if f.Run > 0 {
		words = append(words, fmt.Sprintf("run %d", f.Run))
	}
	words = append(words, strings.Join(strings.Fields(f.Reason), " "))
	return strings.Join(words, ": ")
}

// Fail prints a failure and adds it to Failures.
func (u *Setup) Fail(f Failure) {
	u.Failures = append(u.Failures, f)
	site.Say("FAILED: %s", f)
}

// Tell prints the figures of the i-th run of a line, from 0, or adds its failure to Failures.
func (u *Setup) Tell(of *record.Report, i int, line string, figures map[string]float64, err error) {
	if err != nil {
		u.Fail(Failure{Part: of.Part, Case: of.Case, Line: line, Run: i + 1, Reason: err.Error()})
		return
	}
	site.Say("%s %s run %d: %s: %s", of.Part, of.Case, i+1, line, of.Told(figures))
}

// Case measures one table. It records an error of measure in the table and in Failures and returns nil, so that the next
// case runs. It returns an error when ctx has ended or the table cannot be written.
func (u *Setup) Case(ctx context.Context, part, name, title string, measure func(*record.Report) error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	table := u.Book.Begin(part, name, title)
	err := measure(table)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	table.Failed = err.Error()
	u.Fail(Failure{Part: part, Case: name, Reason: table.Failed})
	return u.Book.Save(table)
}

// Discard drops the database of a case. An error is recorded as a failure of the case, whose table stays as it is.
func (u *Setup) Discard(ctx context.Context, of *record.Report, d *site.Database) {
	if err := d.Drop(ctx); err != nil {
		u.Fail(Failure{Part: of.Part, Case: of.Case, Reason: fmt.Sprintf("drop database %s: %v", d.Name, err)})
	}
}

// CleanUp removes what a run has created. When that fails and the run has no error, the run gets one, because what is left
// would disturb the next run.
func CleanUp(ctx context.Context, err *error, remove func(context.Context) error) {
	if left := remove(ctx); left != nil && *err == nil {
		*err = fmt.Errorf("clean up: %w", left)
	}
}
