package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// testSuffix is the end of the name of a file with test cases: orders.test.hcl has those of orders.hcl.
const testSuffix = ".test.hcl"

// IsTest reports whether a file has test cases, by its name.
func IsTest(path string) bool { return strings.HasSuffix(path, testSuffix) }

// testedFile returns the pipeline file that a test file belongs to.
func testedFile(test string) string { return strings.TrimSuffix(test, testSuffix) + ".hcl" }

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
			add(&pipelines, testedFile(p))
			add(&tests, p)
			continue
		case err == nil && info.IsDir():
			for _, t := range testsIn(p) {
				add(&tests, t)
			}
		case strings.HasSuffix(p, ".hcl"):
			if test := strings.TrimSuffix(p, ".hcl") + testSuffix; isFile(test) {
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

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
