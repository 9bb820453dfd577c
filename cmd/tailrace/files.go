package main

import (
	"fmt"
	"os"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
)

const errNoPath = usageError("give at least one PATH: a file, or a folder of *.hcl files")

// load reads the files. When they have errors it prints them and returns an exit.
func load(a *app, paths []string, offline bool) (*config.File, *config.Report, error) {
	if len(paths) == 0 {
		return nil, nil, errNoPath
	}
	a.fix.Paths = paths
	f, report := config.Load(paths, kinds().Config(), config.Options{Offline: offline})
	if f != nil {
		report.Add(daemon.CheckNames(f)...)
		daemon.ShareMasks(f)
	}
	if report.HasErrors() {
		printAll(a, report)
		return nil, nil, exit(usage)
	}
	return f, report, nil
}

// printAll writes all problems, errors and warnings, to standard error, with colours on a terminal.
func printAll(a *app, r *config.Report) {
	r.Write(a.err, isTerminal(a.err) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// pipelineOf returns the pipeline with a name.
func pipelineOf(a *app, f *config.File, name string) (config.Pipeline, error) {
	a.fix.Pipeline = name
	var names []string
	for _, p := range f.Pipelines {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return config.Pipeline{}, usageError(fmt.Sprintf("the files have no pipeline %q that is enabled%s", name,
		didYouMean(name, names)))
}
