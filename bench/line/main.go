package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows of the backlog")
	flag.IntVar(&o.tx, "tx", 1000, "rows of a transaction")
	flag.IntVar(&o.runs, "runs", 3, "runs of each tool, in turn")
	flag.IntVar(&o.version, "postgres", 15, "major version of the server: one that testenv brings")
	flag.IntVar(&o.partitions, "partitions", 1, "partitions of the topic")
	flag.StringVar(&o.format, "format", "json", "format of the Kafka sink")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/line:", err)
		os.Exit(1)
	}
}

type options struct {
	rows, tx, runs, version, partitions int
	format                              string
}

func run(ctx context.Context, o options) error {
	s, err := newSite(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	fmt.Printf("backlog: %d rows in transactions of %d, %d MiB of WAL, Postgres %d, Kafka with %d partition(s), format %s\n",
		o.rows, o.tx, s.bytes>>20, o.version, o.partitions, o.format)
	var ours, theirs []figure
	for i := range o.runs {
		f, err := s.tailrace(ctx, i)
		if err != nil {
			return fmt.Errorf("tailrace: %w", err)
		}
		ours = append(ours, f)
		if f, err = s.recvlogical(ctx, i); err != nil {
			return fmt.Errorf("pg_recvlogical: %w", err)
		}
		theirs = append(theirs, f)
	}
	report(o, ours, theirs)
	return nil
}
