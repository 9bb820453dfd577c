// Command tailrace reads the logical replication stream of Postgres databases and keeps Kafka topics and replicas up to date
// with them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/tailrace/tailrace/capture"
)

func main() {
	ctx := untilSignal(context.Background())
	os.Exit(call(ctx, &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:]))
}

// app is the environment of a verb.
type app struct {
	in  io.Reader
	out io.Writer // the output
	err io.Writer // errors, diagnostics and progress
	fix capture.FixArgs
}

// untilSignal ends at the first SIGTERM or SIGINT; the second one ends the process at once.
func untilSignal(ctx context.Context) context.Context {
	ctx, end := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		end()
		<-signals
		os.Exit(failed)
	}()
	return ctx
}

// call runs the verb that args begin with and returns the exit code.
func call(ctx context.Context, a *app, args []string) int {
	if len(args) == 0 {
		overview(a.err)
		return usage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(rest) == 0 {
			overview(a.out)
			return done
		}
		name, rest = rest[0], []string{"-h"}
	case "-version", "--version":
		name = "version"
	}
	v := find(name)
	if v == nil {
		fmt.Fprintf(a.err, "tailrace: unknown verb %q%s\nRun `tailrace help` for the list.\n", name,
			didYouMean(name, verbNames()))
		return usage
	}
	return v.call(ctx, a, rest)
}

// call parses the flags, which may come before and after the arguments, and runs the verb.
func (v *verb) call(ctx context.Context, a *app, args []string) int {
	flags := newFlags(v.name)
	run := v.setup(flags)
	rest, err := parse(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		v.help(a.out, flags)
		return done
	case err != nil:
		err = usageError(err.Error())
	default:
		err = run(ctx, a, rest)
	}
	return v.end(a, err)
}

// newFlags returns flags that print nothing by themselves.
func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// end prints an error and returns its exit code.
func (v *verb) end(a *app, err error) int {
	var wrong usageError
	var shown exit
	switch {
	case err == nil:
		return done
	case errors.As(err, &shown):
		return int(shown)
	case errors.As(err, &wrong):
		fmt.Fprintf(a.err, "tailrace %s: %s\nRun `tailrace %s -h` for help.\n", v.name, wrong, v.name)
		return usage
	}
	fmt.Fprintf(a.err, "tailrace %s: %v\n", v.name, err)
	p := capture.AsProblem(err)
	if p == nil {
		return failed
	}
	if p.Fix != "" {
		fmt.Fprintf(a.err, "fix: %s\n", strings.ReplaceAll(a.fix.Complete(p.Fix), "\n", "\n     "))
	}
	if p.Usage {
		return usage
	}
	return failed
}

// parse continues after an argument, where package flag stops; "--" ends the flags.
func parse(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		left := flags.Args()
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			return append(rest, left...), nil
		}
		if len(left) == 0 {
			return rest, nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}
