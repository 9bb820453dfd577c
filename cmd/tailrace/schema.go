package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/explain"
)

func schemaVerb() *verb {
	return &verb{
		name:    "schema",
		args:    "[-pipeline P] [-event E] [-offline] PATH...",
		summary: "print the JSON Schema of each event",
		text: `The schemas of the data and the key follow from the types of the tables, which are read from the live source; with
-offline, from the test files next to the pipeline files. They are JSON Schema 2020-12, in one list.`,
		examples: `  tailrace schema orders.hcl
  tailrace schema -offline -event OrderPaid orders.hcl`,
		setup: setupSchema,
	}
}

func setupSchema(flags *flag.FlagSet) action {
	pipeline := flags.String("pipeline", "", "the `PIPELINE`; default: all")
	event := flags.String("event", "", "the `EVENT`; default: all")
	offline := flags.Bool("offline", false, "contact no server: the tables are those of the test files")
	return func(ctx context.Context, a *app, args []string) error {
		s, err := loadShapes(a, args, *offline)
		if err != nil {
			return err
		}
		pipelines := s.file.Pipelines
		if *pipeline != "" {
			p, err := pipelineOf(a, s.file, *pipeline)
			if err != nil {
				return err
			}
			pipelines = []config.Pipeline{p}
		}
		all, names := []explain.EventSchema{}, []string{}
		for _, p := range pipelines {
			tables, err := s.tables(ctx, p)
			if err != nil {
				return err
			}
			if err := s.check(p, tables); err != nil {
				return err
			}
			found, err := explain.Schemas(p, tables)
			if err != nil {
				return err
			}
			for _, e := range found {
				if names = append(names, e.Event); *event == "" || e.Event == *event {
					all = append(all, e)
				}
			}
		}
		if *event != "" && len(all) == 0 {
			return usageError(fmt.Sprintf("no sink has an event %q%s", *event, didYouMean(*event, names)))
		}
		text, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.out, "%s\n", text)
		return err
	}
}
