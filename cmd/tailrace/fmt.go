package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailrace/tailrace/config"
)

func fmtVerb() *verb {
	return &verb{
		name:    "fmt",
		args:    "[-check] [-write=false] PATH...",
		summary: "format the files with canonical spaces and indentation",
		text: `The files are rewritten in place, and those that changed are listed. The PATH - reads standard input and writes
standard output. With -check nothing is written, and exit code 2 means that a file would change.`,
		examples: `  tailrace fmt pipelines/
  tailrace fmt -check pipelines/`,
		setup: setupFmt,
	}
}

func setupFmt(flags *flag.FlagSet) action {
	check := flags.Bool("check", false, "list the files that would change, and write nothing")
	write := flags.Bool("write", true, "rewrite in place; -write=false prints the text instead")
	return func(_ context.Context, a *app, args []string) error {
		if len(args) == 1 && args[0] == "-" {
			return formatStream(a, *check)
		}
		files, err := filesOf(args)
		if err != nil {
			return usageError(err.Error())
		}
		changed, failures := 0, []error(nil)
		for _, f := range files {
			did, err := formatFile(a, f, *write && !*check, !*write && !*check)
			if did {
				changed++
			}
			if err != nil {
				failures = append(failures, err)
			}
		}
		if len(failures) == 0 && *check && changed > 0 {
			return exit(usage)
		}
		return errors.Join(failures...)
	}
}

// filesOf returns the files that the other verbs would read, test files included.
func filesOf(paths []string) (files []string, err error) {
	if len(paths) == 0 {
		return nil, errNoPath
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, p)
			continue
		}
		entries, err := os.ReadDir(p)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if filepath.Ext(e.Name()) == ".hcl" && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
				files = append(files, filepath.Join(p, e.Name()))
			}
		}
	}
	return files, nil
}

func formatStream(a *app, check bool) error {
	src, err := io.ReadAll(a.in)
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	text := config.Format(src)
	if !check {
		_, err = a.out.Write(text)
		return err
	}
	if !bytes.Equal(src, text) {
		fmt.Fprintln(a.out, "<standard input>")
		return exit(usage)
	}
	return nil
}

// formatFile reports whether the file was not canonical, and writes or prints it.
func formatFile(a *app, name string, write, show bool) (bool, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	text := config.Format(src)
	if show {
		_, err := a.out.Write(text)
		return false, err
	}
	if bytes.Equal(src, text) {
		return false, nil
	}
	if write {
		if err := replace(name, text); err != nil {
			return true, err
		}
	}
	_, err = fmt.Fprintln(a.out, name)
	return true, err
}

// replace replaces a file's text atomically: a crash leaves the old or the new text. A symbolic link stays a link.
func replace(name string, text []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".tailrace-fmt-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails after the rename, as it should
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(info.Mode().Perm()), tmp.Sync(), tmp.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(tmp.Name(), name)
}
