package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
)

// verb is a subcommand of tailrace.
type verb struct {
	name     string
	args     string // the synopsis after the name
	summary  string // one line
	text     string // more than the summary; lines
	examples string // lines
	// setup declares the flags and returns the action to run after they are parsed.
	setup func(*flag.FlagSet) action
}

// action runs a verb. The args are without flags.
type action func(ctx context.Context, a *app, args []string) error

// verbs lists the verbs in the order in which a user needs them.
func verbs() []*verb {
	return []*verb{
		runVerb(), checkVerb(), statusVerb(), waitVerb(), verifyVerb(), replayVerb(), indexesVerb(), sequencesVerb(), acceptVerb(), dropVerb(),
		testVerb(), explainVerb(), tailVerb(), schemaVerb(), fmtVerb(), versionVerb(),
	}
}

func find(name string) *verb {
	for _, v := range verbs() {
		if v.name == name {
			return v
		}
	}
	return nil
}

func verbNames() (names []string) {
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	return names
}

func overview(w io.Writer) {
	fmt.Fprint(w, "tailrace streams the changes of Postgres databases to Kafka topics and replicas.\n\n",
		"usage: tailrace VERB [flags] [PATH...]\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, v := range verbs() {
		fmt.Fprintf(t, "  %s\t%s\n", v.name, v.summary)
	}
	t.Flush()
	fmt.Fprint(w, "\nA PATH is a file, or a folder of *.hcl files. `tailrace VERB -h` explains a verb with an example.\n",
		"Exit codes: 0 success, 1 the command failed, 2 you have to change something.\n")
}

func (v *verb) help(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintf(w, "tailrace %s: %s\n\nusage: tailrace %s %s\n", v.name, v.summary, v.name, v.args)
	if v.text != "" {
		fmt.Fprintf(w, "\n%s\n", v.text)
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	first := "\nflags:\n"
	flags.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" {
			text += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(t, "%s  -%s %s\t%s\n", first, f.Name, kind, text)
		first = ""
	})
	t.Flush()
	fmt.Fprintf(w, "\nexample:\n%s\n", v.examples)
}
