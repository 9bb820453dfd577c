package main

import (
	"fmt"

	"github.com/tailrace/tailrace/config"
)

// load reads the files. What stands in the way of using them is printed, and the error is then an exit.
func load(a *app, paths []string, offline bool) (*config.File, *config.Report, error) {
	if len(paths) == 0 {
		return nil, nil, usageError("give at least one PATH: a file, or a folder of *.hcl files")
	}
	f, report := config.Load(paths, kinds().Config(), config.Options{Offline: offline})
	if report.HasErrors() {
		printAll(a, report)
		return nil, nil, exit(usage)
	}
	return f, report, nil
}

// pipelineOf finds a pipeline by name.
func pipelineOf(f *config.File, name string) (config.Pipeline, error) {
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
