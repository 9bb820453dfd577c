package record

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tailrace/tailrace/bench/proc"
)

// Book is the folder of the results: RESULTS.md, and a JSON file for each case in results/.
type Book struct {
	dir      string
	commit   string
	machine  string
	versions map[string]string
}

// NewBook reads the properties of the machine and the commit; it creates dir if needed.
func NewBook(dir string, versions map[string]string) (*Book, error) {
	if err := os.MkdirAll(filepath.Join(dir, "results"), 0o755); err != nil {
		return nil, fmt.Errorf("make folder of results: %w", err)
	}
	return &Book{dir: dir, commit: commit(), machine: machine(), versions: versions}, nil
}

// Begin creates the report of a case.
func (b *Book) Begin(part, name, title string) *Report {
	return &Report{
		Part: part, Case: name, Title: title, Date: time.Now().UTC().Truncate(time.Second),
		Commit: b.commit, Machine: b.machine, Versions: b.versions, Load: proc.Load(),
	}
}

// Save writes a report over the previous one of the same case, and RESULTS.md again from all reports in the folder.
func (b *Book) Save(r *Report) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("write results of %s %s: %w", r.Part, r.Case, err)
	}
	if err := replace(filepath.Join(b.dir, "results", r.Part+"-"+r.Case+".json"), append(text, '\n')); err != nil {
		return err
	}
	return b.Write()
}

// Write generates RESULTS.md from the reports in the folder.
func (b *Book) Write() error {
	files, err := filepath.Glob(filepath.Join(b.dir, "results", "*.json"))
	if err != nil {
		return err
	}
	var reports []*Report
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read results: %w", err)
		}
		var r Report
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("read results %s: %w", filepath.Base(file), err)
		}
		reports = append(reports, &r)
	}
	slices.SortStableFunc(reports, inOrder)
	return replace(filepath.Join(b.dir, "RESULTS.md"), []byte(page(reports)))
}

// replace writes a file atomically.
func replace(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
