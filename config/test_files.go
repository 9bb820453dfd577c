package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The ends of the names of files that belong to a pipeline file: orders.test.hcl has the test cases of orders.hcl, and orders.schema.hcl
// the recorded shapes of its tables.
const (
	testSuffix   = ".test.hcl"
	schemaSuffix = ".schema.hcl"
)

// IsTest reports whether a file has test cases, by its name.
func IsTest(path string) bool { return strings.HasSuffix(path, testSuffix) }

// IsSchema reports whether a file has a recorded schema, by its name.
func IsSchema(path string) bool { return strings.HasSuffix(path, schemaSuffix) }

// SchemaOf returns the name of the file with the recorded schema of a pipeline file, or of the pipeline file of a test file.
func SchemaOf(path string) string {
	for _, suffix := range []string{testSuffix, ".hcl"} {
		if name, found := strings.CutSuffix(path, suffix); found {
			return name + schemaSuffix
		}
	}
	return path + schemaSuffix
}

// pipelineFile returns the pipeline file that a test file or a recorded schema belongs to.
func pipelineFile(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, testSuffix), schemaSuffix) + ".hcl"
}

// SplitTests returns the paths of the pipeline files, and the test files next to them: all of a folder, and orders.test.hcl of
// orders.hcl. The name of a test file stands for its pipeline file with that test file. A path that does not exist is left to Load.
func SplitTests(paths []string) (pipelines, tests []string) {
	add := func(list *[]string, path string) {
		if !slices.Contains(*list, path) {
			*list = append(*list, path)
		}
	}
	for _, p := range paths {
		p = filepath.Clean(p)
		info, err := os.Stat(p)
		switch {
		case IsTest(p):
			add(&pipelines, pipelineFile(p))
			add(&tests, p)
			continue
		case err == nil && info.IsDir():
			for _, t := range testsIn(p) {
				add(&tests, t)
			}
		case strings.HasSuffix(p, ".hcl"):
			if test := strings.TrimSuffix(p, ".hcl") + testSuffix; IsFile(test) {
				add(&tests, test)
			}
		}
		add(&pipelines, p)
	}
	return pipelines, tests
}

// testsIn returns the test files of a folder in the order of their names.
func testsIn(folder string) (tests []string) {
	entries, _ := os.ReadDir(folder) // an error is Load's
	for _, e := range entries {
		if IsTest(e.Name()) && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			tests = append(tests, filepath.Join(folder, e.Name()))
		}
	}
	return tests
}

// IsFile reports whether there is a file with a name, which is no folder.
func IsFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
