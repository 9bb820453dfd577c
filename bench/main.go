// Command bench measures the daemon beside other tools and beside itself, on real servers that it brings up, and writes
// RESULTS.md and the JSON files that it is put together from.
//
//	go run ./bench                                        everything: hours
//	go run ./bench -parts drain -shapes insert1000        one table, which replaces only itself in RESULTS.md
//	go run ./bench -parts drain -shapes insert1000 -sinks none,kafka1-json -runs 3
//	go run ./bench -parts latency -rates 1000
//	go run ./bench -parts reader -transports tcp -loads 20,full,busy-full
//	go run ./bench -parts flat -flat tables,start
//	go run ./bench -parts replica -replica insert1,latency -tools tailrace,subscription
//	go run ./bench -parts report                          RESULTS.md again, from the files
//
// It is called in the repository, on Linux, where nothing else runs. A tool that fails is in the table with the reason, and
// the others go on; what is measured is written after each round of runs. Only the ratios of one table mean something.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/flat"
	"github.com/tailrace/tailrace/bench/latency"
	"github.com/tailrace/tailrace/bench/reader"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/replica"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/internal/testenv"
)

// part is one subject.
type part interface {
	Flags(*flag.FlagSet)
	Run(context.Context, *rig.Setup) error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	u := &rig.Setup{}
	parts := []struct {
		name string
		part
	}{
		{"drain", &drain.Options{}},
		{"latency", &latency.Options{}},
		{"reader", &reader.Options{}},
		{"flat", &flat.Options{}},
		{"replica", &replica.Options{}},
	}
	var wanted rig.List
	wanted.Flag(flag.CommandLine, "parts", "report alone puts RESULTS.md together", "drain,latency,reader,flat,replica",
		"drain", "latency", "reader", "flat", "replica", "report")
	out := flag.String("out", "bench", "`folder` of RESULTS.md and results/")
	u.Flags(flag.CommandLine)
	for _, p := range parts {
		p.Flags(flag.CommandLine)
	}
	flag.Parse()
	book, err := prepare(u, *out)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if !wanted.Has(p.name) {
			continue
		}
		began := time.Now()
		if err := p.Run(ctx, u); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			site.Say("%s: FAILED: %v", p.name, err) // the other parts go on
		}
		site.Say("%s: done in %s", p.name, time.Since(began).Round(time.Second))
	}
	return book.Write()
}

// prepare makes the folders.
func prepare(u *rig.Setup, out string) (book *record.Book, err error) {
	v := versions(u.Version)
	if u.Profiles != "" {
		v["tailrace"] = "profiled"
		if u.Profiles, err = filepath.Abs(u.Profiles); err != nil { // tools run in folders of their own
			return nil, err
		}
		if err := os.MkdirAll(u.Profiles, 0o755); err != nil {
			return nil, fmt.Errorf("make folder of profiles: %w", err)
		}
	}
	u.Book, err = record.NewBook(out, v)
	return u.Book, err
}

// versions are those of what is measured and of what it runs on.
func versions(postgres int) map[string]string {
	return map[string]string{
		"Debezium":       testenv.Debezium,
		"Debezium JDBC":  testenv.DebeziumJDBC,
		"Go":             strings.TrimPrefix(runtime.Version(), "go"),
		"Java":           word(record.Version("java", "--version"), 1),
		"Kafka":          testenv.KafkaRelease,
		"Postgres":       testenv.Release(postgres),
		"pg_recvlogical": word(record.Version("pg_recvlogical", "--version"), 2),
	}
}

// word is one word of a line, or the line where it has fewer.
func word(line string, i int) string {
	if words := strings.Fields(line); i < len(words) {
		return words[i]
	}
	return line
}
