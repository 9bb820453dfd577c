// Command bench compares the daemon with other tools and with itself, on real servers that it starts, and writes
// RESULTS.md and the JSON files from which it is generated.
//
//	go run ./bench                                        everything: about 50 minutes on two cores
//	go run ./bench -parts drain -shapes insert1000        one table, which replaces only itself in RESULTS.md
//	go run ./bench -parts drain -shapes insert1000 -sinks none,kafka1-json -runs 3
//	go run ./bench -parts drain -shapes toast -sinks kafka1-json -tools tailrace,producer-perf
//	go run ./bench -parts latency -rates 1000
//	go run ./bench -parts reader -transports tcp -loads 20,full,busy-full
//	go run ./bench -parts flat -flat tables,start
//	go run ./bench -parts replica -replica insert1,latency -tools tailrace,subscription
//	go run ./bench -parts rules -rules insert1000 -runs 5
//	go run ./bench -parts report                          RESULTS.md again, from the files
//
// Run it in the repository, on Linux, on an idle machine. A tool that fails, that does not finish within -limit, or that
// makes no progress for the time -stall (three times that while it starts) appears in the table with the reason, and the
// others go on; the command then ends with exit code 1 and one line per failure. Results are written after each round of
// runs. Only the ratios within one table are meaningful.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
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
	"github.com/tailrace/tailrace/bench/rules"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/internal/testenv/install"
)

// part is one subject.
type part interface {
	Flags(*flag.FlagSet)
	Run(context.Context, *rig.Setup) error
}

type named struct {
	name string
	part
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	u := &rig.Setup{}
	if code := exit(os.Stderr, run(ctx, u), u.Failures); code != 0 {
		stop()
		os.Exit(code)
	}
}

// exit writes the error of the call and then the failures, one per line, and returns the exit code.
func exit(w io.Writer, err error, failures []rig.Failure) (code int) {
	if err != nil {
		code = 1
		fmt.Fprintln(w, "bench:", err)
	}
	for _, f := range failures {
		code = 1
		fmt.Fprintln(w, "bench: failed:", f)
	}
	return code
}

func run(ctx context.Context, u *rig.Setup) error {
	parts := []named{
		{"drain", &drain.Options{}},
		{"latency", &latency.Options{}},
		{"reader", &reader.Options{}},
		{"flat", &flat.Options{}},
		{"replica", &replica.Options{}},
		{"rules", &rules.Options{}},
	}
	var wanted rig.List
	wanted.Flag(flag.CommandLine, "parts", "report alone puts RESULTS.md together", "drain,latency,reader,flat,replica,rules",
		"drain", "latency", "reader", "flat", "replica", "rules", "report")
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
	if err := measure(ctx, u, parts, &wanted); err != nil {
		return err
	}
	return book.Write()
}

// measure runs the selected parts. A part that fails is recorded in u.Failures, and the others go on; an error is that of ctx.
func measure(ctx context.Context, u *rig.Setup, parts []named, wanted *rig.List) error {
	for _, p := range parts {
		if !wanted.Has(p.name) {
			continue
		}
		began := time.Now()
		err := p.Run(ctx, u)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			u.Fail(rig.Failure{Part: p.name, Reason: err.Error()})
		}
		site.Say("%s: done in %s", p.name, time.Since(began).Round(time.Second))
	}
	return nil
}

// prepare creates the folders.
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

// versions returns the versions of the tools and of the software they run on.
func versions(postgres int) map[string]string {
	return map[string]string{
		"Debezium":       install.Debezium,
		"Debezium JDBC":  install.DebeziumJDBC,
		"Go":             strings.TrimPrefix(runtime.Version(), "go"),
		"Java":           word(record.Version("java", "--version"), 1),
		"Kafka":          install.KafkaRelease,
		"Postgres":       install.PostgresRelease(postgres),
		"pg_recvlogical": word(record.Version("pg_recvlogical", "--version"), 2),
	}
}

// word returns one word of a line, or the whole line where it has fewer words.
func word(line string, i int) string {
	if words := strings.Fields(line); i < len(words) {
		return words[i]
	}
	return line
}
