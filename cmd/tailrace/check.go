package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
)

// liveTime bounds the check of all servers.
const liveTime = 60 * time.Second

func checkVerb() *verb {
	return &verb{
		name:    "check",
		args:    "[-offline] PATH...",
		summary: "find every problem of the files, then of the live servers",
		text: `All problems are printed together, each with its place, the excerpt and the fix. Nothing is changed.
A recorded schema next to a file, such as orders.schema.hcl, is compared with the live tables; differences are warnings.
With -offline no server is contacted, and secrets and environment variables may be unset.
Exit code 2: you have to change something; 1: a server could not be reached; 0: no problems, or only warnings.`,
		examples: `  tailrace check -offline pipelines/
  tailrace check orders.hcl`,
		setup: setupCheck,
	}
}

func setupCheck(flags *flag.FlagSet) action {
	offline := flags.Bool("offline", false, "contact no server")
	return func(ctx context.Context, a *app, args []string) error {
		file, report, err := load(a, args, *offline)
		if err != nil {
			return err
		}
		if checkSchemas(file, report); report.HasErrors() {
			printAll(a, report)
			return exit(usage)
		}
		if !*offline {
			if err := liveCheck(ctx, a, file, report); err != nil {
				return err
			}
			live := &shapes{app: a, file: file, report: report}
			if err := live.checkDrift(ctx); err != nil {
				return err
			}
		}
		printAll(a, report)
		sinks := 0
		for _, p := range file.Pipelines {
			sinks += len(p.Sinks)
		}
		how := "live"
		if *offline {
			how = "offline"
		}
		fmt.Fprintf(a.out, "ok: %s, %s, checked %s\n", count(len(file.Pipelines), "pipeline"), count(sinks, "sink"), how)
		return nil
	}
}

// liveCheck checks all servers and adds what it finds to the report, with its place in the files. After a problem it prints the
// report and returns an exit; warnings alone are no error.
func liveCheck(ctx context.Context, a *app, file *config.File, report *config.Report) error {
	ctx, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	code := done
	for _, f := range daemon.Check(ctx, file) {
		report.Add(a.diagnostic(f))
		if f.IsWarning() {
			continue
		}
		if f.Usage() {
			code = usage
		} else if code == done {
			code = failed
		}
	}
	if code == done {
		return nil
	}
	printAll(a, report)
	return exit(code)
}

// diagnostic returns a finding with its place in the file.
func (a *app) diagnostic(f daemon.Finding) *hcl.Diagnostic {
	if f.Diagnostic != nil {
		return f.Diagnostic
	}
	fix := capture.FixArgs{Pipeline: f.Pipeline, Paths: a.fix.Paths}
	d := &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  fmt.Sprintf("%s of pipeline %q: %v", f.Block, f.Pipeline, f.Err),
		Subject:  &f.Range,
	}
	if p := capture.AsProblem(f.Err); p != nil {
		d.Detail = fix.Complete(p.Fix)
	} else if w := f.Warning(); w != nil {
		d.Severity, d.Detail = hcl.DiagWarning, w.Fix
	}
	return d
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
