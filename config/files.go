package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config/syntax"
)

// pathsOf returns the files of the given paths: for a folder its *.hcl files in the order of their names, without subfolders and test
// files. A file that is found twice is read once.
func pathsOf(paths []string) ([]string, hcl.Diagnostics) {
	if len(paths) == 0 {
		return nil, hcl.Diagnostics{problemWithoutPlace("no pipeline file", "Give at least one file or folder of *.hcl files.")}
	}
	var files []string
	var diags hcl.Diagnostics
	for _, p := range paths {
		found, err := filesOf(p)
		if err != nil {
			diags = append(diags, problemWithoutPlace(err.Error(), ""))
		}
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files, diags
}

func filesOf(path string) ([]string, error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist", path)
	case err != nil:
		return nil, err
	case !info.IsDir() && IsTest(path):
		return nil, fmt.Errorf("%s has test cases and no pipeline: give the file %s; only `tailrace test` reads the cases", path, pipelineFile(path))
	case !info.IsDir() && IsSchema(path):
		return nil, fmt.Errorf("%s has the recorded shapes of tables and no pipeline: give the file %s", path, pipelineFile(path))
	case !info.IsDir():
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".hcl") && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() && !IsTest(e.Name()) && !IsSchema(e.Name()) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no file that ends in .hcl", path)
	}
	return files, nil
}

// problemWithoutPlace is an error without a place in a file.
func problemWithoutPlace(summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail}
}

// read reads a file up to one byte more than a pipeline file may have: a device or a pipe that never ends counts as too large.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, syntax.MaxFile+1))
}

// readOnce wraps a function that reads files: what a file holds stays the same for all expressions of one Load, also for those that
// are evaluated later.
func readOnce(read func(string) ([]byte, error)) func(string) ([]byte, error) {
	type result struct {
		text []byte
		err  error
	}
	var mu sync.Mutex
	done := map[string]result{}
	return func(path string) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		r, ok := done[path]
		if !ok {
			r.text, r.err = read(path)
			done[path] = r
		}
		return r.text, r.err
	}
}

// reason is a file error without the path, which the message has already.
func reason(err error) string {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist"
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return err.Error()
}

// fileText returns the text of a file that file() names, without leading and trailing white space: editors and `echo` end a file
// with a newline.
func fileText(read func(string) ([]byte, error), path string) (string, error) {
	text, err := read(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %s", reason(err))
	case len(text) > syntax.MaxFile:
		return "", fmt.Errorf("is larger than %s", Size(syntax.MaxFile))
	case !utf8.Valid(text):
		return "", errors.New("is not UTF-8 text")
	}
	return strings.TrimSpace(string(text)), nil
}

// digest is a hash of the files' texts in the order of their names: 16 hex digits, which do not depend on the folder.
func digest(texts map[string][]byte) string {
	h := sha256.New()
	for _, name := range names(texts) {
		fmt.Fprintf(h, "%d:", len(texts[name])) // otherwise the hash would not change when a line moves from one file's end to the next one's beginning
		h.Write(texts[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
