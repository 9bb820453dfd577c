package main

import (
	"os"
	"path/filepath"
	"testing"
)

const (
	rough  = "pipeline   \"a\" {\nwindow=\"1MiB\"\n  source \"postgres\" {\n url = \"postgres://h/d\"\n}\n}\n"
	smooth = "pipeline \"a\" {\n  window = \"1MiB\"\n  source \"postgres\" {\n    url = \"postgres://h/d\"\n  }\n}\n"
)

// place writes a file into a new folder and returns its path.
func place(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return file
}

func textOf(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFmtRewritesInPlace(t *testing.T) {
	file := place(t, "a.hcl", rough)
	tailrace(t, "fmt", "-check", file).expect(t, 2, file, "")
	if got := textOf(t, file); got != rough {
		t.Errorf("-check wrote %s", got)
	}
	tailrace(t, "fmt", "-write=false", file).expect(t, 0, smooth, "")
	if got := textOf(t, file); got != rough {
		t.Errorf("-write=false wrote %s", got)
	}
	tailrace(t, "fmt", filepath.Dir(file)).expect(t, 0, file, "")
	if got := textOf(t, file); got != smooth {
		t.Errorf("got %s", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the rights are %v, %v", info.Mode(), err)
	}
	tailrace(t, "fmt", "-check", file).expect(t, 0, "", "")
	tailrace(t, "fmt", file).expect(t, 0, "", "")
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestFmtOfAFolderTakesItsFiles(t *testing.T) {
	file := place(t, "a.hcl", rough)
	for _, name := range []string{".hidden.hcl", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), name), []byte(rough), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	tailrace(t, "fmt", filepath.Dir(file)).expect(t, 0, file+"\n", "")
	if got := textOf(t, filepath.Join(filepath.Dir(file), "notes.txt")); got != rough {
		t.Error("it rewrote notes.txt")
	}
}

func TestFmtKeepsALink(t *testing.T) {
	file := place(t, "a.hcl", rough)
	link := filepath.Join(t.TempDir(), "link.hcl")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	tailrace(t, "fmt", link).expect(t, 0, link, "")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || textOf(t, file) != smooth {
		t.Errorf("%v %v %s", info.Mode(), err, textOf(t, file))
	}
}

func TestFmtOfStandardInput(t *testing.T) {
	tailraceWith(t, nil, rough, "fmt", "-").expect(t, 0, smooth, "")
	tailraceWith(t, nil, rough, "fmt", "-check", "-").expect(t, 2, "<standard input>", "")
	tailraceWith(t, nil, smooth, "fmt", "-check", "-").expect(t, 0, "", "")
}

func TestFmtOfNothing(t *testing.T) {
	tailrace(t, "fmt", "nowhere.hcl").expect(t, 2, "", "nowhere.hcl")
}
