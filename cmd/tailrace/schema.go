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
		args:    "[-pipeline P] [-event E] [-offline | -record] PATH...",
		summary: "print the JSON Schema of each event",
		text: `The schemas of the data and the key follow from the types of the tables, which are read from the live source; with
-offline, from the test files and the recorded schemas next to the pipeline files. They are JSON Schema 2020-12, in one list.
With -record, the types of the live tables that the rules use are written into a file next to each pipeline file:
orders.schema.hcl for orders.hcl. What needs tables and no server takes them from there: tailrace test, and -offline.`,
		examples: `  tailrace schema orders.hcl
  tailrace schema -offline -event OrderPaid orders.hcl
  tailrace schema -record pipelines/`,
		setup: setupSchema,
	}
}

func setupSchema(flags *flag.FlagSet) action {
	pipeline := flags.String("pipeline", "", "the `PIPELINE`; default: all")
	event := flags.String("event", "", "the `EVENT`; default: all")
	offline := flags.Bool("offline", false, "contact no server: the tables are those of the test files and the recorded schemas")
	record := flags.Bool("record", false, "record the types of the live tables next to the pipeline files")
	return func(ctx context.Context, a *app, args []string) error {
		if *record && (*offline || *pipeline != "" || *event != "") {
			return usageError("-record reads the live tables of all pipelines: leave out -offline, -pipeline and -event")
		}
		s, err := loadShapes(a, args, *offline)
		if err != nil {
			return err
		}
		if *record {
			return s.record(ctx)
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
