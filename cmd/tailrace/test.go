package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest"
)

func testVerb() *verb {
	return &verb{
		name:    "test",
		args:    "[-run REGEX] [-update] [-json] PATH...",
		summary: "run the test cases of the rules, without a server",
		text: `The cases of orders.hcl are in orders.test.hcl next to it: tables, changes of their rows, and the events that each sink
should get. No server is contacted, and secrets and environment variables may be unset: a test file sets those that rules use.
With -update what came is written into the test files in place of what was expected. Comments stay.
Exit code 1: a case has failed; 2: a file has to be changed; 0: every case has passed.`,
		examples: `  tailrace test orders.hcl
  tailrace test -run 'paid' pipelines/
  tailrace test -update orders.hcl`,
		setup: setupTest,
	}
}

// testFlags are the flags of test.
type testFlags struct {
	run          string
	update, json bool
}

func setupTest(flags *flag.FlagSet) action {
	var f testFlags
	flags.StringVar(&f.run, "run", "", "run the cases whose name the `REGEX` matches")
	flags.BoolVar(&f.update, "update", false, "write what came into the test files")
	flags.BoolVar(&f.json, "json", false, "one JSON object per case")
	return func(_ context.Context, a *app, args []string) error {
		if len(args) == 0 {
			return errNoPath
		}
		rx, err := regexp.Compile(f.run)
		if err != nil {
			return usageError(fmt.Sprintf("-run %q is not a regular expression: %v", f.run, err))
		}
		pipelines, tests := config.SplitTests(args)
		if len(tests) == 0 {
			return usageError(fmt.Sprintf("no test file: the cases of orders.hcl are in orders.test.hcl next to it; %s", noTests(pipelines)))
		}
		a.fix.Paths = pipelines
		t := tester{a: a, flags: f, only: rx, pipelines: pipelines}
		for _, file := range tests {
			if err := t.file(file); err != nil {
				return err
			}
		}
		return t.end()
	}
}

func noTests(pipelines []string) string {
	if len(pipelines) == 1 {
		return fmt.Sprintf("%s has none", pipelines[0])
	}
	return fmt.Sprintf("none of %s has one", strings.Join(pipelines, ", "))
}

// tester runs test files and prints what comes.
type tester struct {
	a         *app
	flags     testFlags
	only      *regexp.Regexp
	pipelines []string

	passed, failed, updated, broken int
}

// file runs the cases of one test file.
func (t *tester) file(name string) error {
	file, files := t.load(name)
	if file == nil {
		t.broken++
		return nil
	}
	var all []*eventtest.Result
	for _, c := range file.Cases {
		if !t.only.MatchString(c.Name) {
			continue
		}
		r, err := file.Run(c, files)
		if err != nil {
			return fmt.Errorf("%s: case %q: %w", name, c.Name, err)
		}
		all = append(all, r)
	}
	if t.flags.update {
		return t.write(file, all)
	}
	for _, r := range all {
		t.print(r)
	}
	return nil
}

// load reads a test file and the pipeline files with its environment. It prints their problems; nil: they have errors.
func (t *tester) load(name string) (*eventtest.File, *config.File) {
	file := readTest(name)
	if file.Report.HasErrors() {
		printAll(t.a, file.Report)
		return nil, nil
	}
	files, report := config.Load(t.pipelines, kinds().Config(), config.Options{Offline: true, Env: file.Lookup(os.LookupEnv)})
	if !report.HasErrors() {
		report.Add(file.Check(files)...)
	}
	printAll(t.a, file.Report)
	printAll(t.a, report)
	if file.Report.HasErrors() || report.HasErrors() {
		return nil, nil
	}
	return file, files
}

// write updates a test file.
func (t *tester) write(file *eventtest.File, all []*eventtest.Result) error {
	changed := 0
	for _, r := range all {
		if r.Failed() {
			changed++
		}
	}
	t.passed += len(all)
	if t.updated += changed; changed == 0 {
		return nil
	}
	text, err := file.Updated(all)
	if err != nil {
		return err
	}
	if err := replace(file.Name, text); err != nil {
		return err
	}
	fmt.Fprintf(t.a.out, "%s: %s updated\n", file.Name, count(changed, "case"))
	return nil
}

// end prints the summary and returns the exit.
func (t *tester) end() error {
	none := t.passed+t.failed == 0
	if none && t.broken == 0 {
		return usageError(fmt.Sprintf("no case matches -run %q", t.flags.run))
	}
	switch {
	case none:
	case t.flags.update && !t.flags.json:
		fmt.Fprintf(t.a.out, "%s, %d updated\n", count(t.passed, "case"), t.updated)
	case t.flags.json:
		t.printJSON(map[string]int{"passed": t.passed, "failed": t.failed})
	default:
		fmt.Fprintf(t.a.out, "%d passed, %d failed\n", t.passed, t.failed)
	}
	switch {
	case t.broken > 0:
		return exit(usage)
	case t.failed > 0:
		return exit(failed)
	}
	return nil
}

// print prints the result of a case.
func (t *tester) print(r *eventtest.Result) {
	if r.Failed() {
		t.failed++
	} else {
		t.passed++
	}
	if t.flags.json {
		t.printJSON(jsonResult(r))
		return
	}
	if !r.Failed() {
		fmt.Fprintf(t.a.out, "ok    %s: %s\n", r.File.Name, r.Case.Name)
		return
	}
	fmt.Fprintf(t.a.out, "FAIL  %s: %s\n", r.File.Name, r.Case.Name)
	for _, s := range r.Sinks {
		for _, f := range s.Failures {
			fmt.Fprintf(t.a.out, "      %s: %s\n", config.Place(f.Place), strings.ReplaceAll(f.What, "\n", "\n      "))
			for _, line := range f.Difference() {
				fmt.Fprintf(t.a.out, "        %s\n", line)
			}
		}
	}
}

func (t *tester) printJSON(what any) {
	text, _ := json.Marshal(what)
	fmt.Fprintf(t.a.out, "%s\n", text)
}

// caseJSON is a case for machines.
type caseJSON struct {
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Case     string        `json:"case"`
	OK       bool          `json:"ok"`
	Failures []failureJSON `json:"failures,omitempty"`
}

type failureJSON struct {
	Line int             `json:"line"`
	Sink string          `json:"sink"`
	What string          `json:"what"`
	Want json.RawMessage `json:"want,omitempty"`
	Got  json.RawMessage `json:"got,omitempty"`
}

func jsonResult(r *eventtest.Result) caseJSON {
	c := caseJSON{File: r.File.Name, Line: r.Case.Place.Start.Line, Case: r.Case.Name, OK: !r.Failed()}
	for _, s := range r.Sinks {
		for _, f := range s.Failures {
			c.Failures = append(c.Failures, failureJSON{
				Line: f.Place.Start.Line, Sink: s.Sink, What: f.What, Want: raw(f.Want), Got: raw(f.Got),
			})
		}
	}
	return c
}

// raw joins lines of JSON; nil stays nil.
func raw(lines []string) json.RawMessage {
	if lines == nil {
		return nil
	}
	return json.RawMessage(strings.Join(lines, "\n"))
}
