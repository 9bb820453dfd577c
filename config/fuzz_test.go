package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tailrace/tailrace/config"
)

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// FuzzLoad loads any text, online and offline: no panic, no stack overflow, a file exactly when there are no errors, and no
// secret in what is printed.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/broken/*.hcl", "testdata/good/*.hcl"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Add(inKafka("    only { tables = [] }\n    shape \"a\" { text = \"${local.x}${table.nam}\" }\n    shape \"a\" {}"))
	path := filepath.Join(f.TempDir(), "f.hcl")
	f.Fuzz(func(t *testing.T, text string) {
		writeFile(t, path, text)
		for _, offline := range []bool{false, true} {
			o := options()
			o.Offline = offline
			file, report := config.Load([]string{path}, stepKindsOfTest(), o)
			if (file == nil) != report.HasErrors() {
				t.Errorf("a file in spite of errors, or none without:\n%s", report)
			}
			for _, d := range report.Diagnostics {
				if d.Summary == "" || d.Subject == nil || d.Subject.Filename != path {
					t.Errorf("a problem without text or place: %v", d)
				}
			}
			searchFuzzCanaries(t, text, report)
		}
		config.Format([]byte(text))
	})
}
