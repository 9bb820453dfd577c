package folder

import "testing"

// The folders are in memory when there is enough of it, unless TMPDIR is set.
func TestServersAreInMemory(t *testing.T) {
	t.Setenv("TMPDIR", "")
	want := "/tmp"
	if freeMemory() >= enoughMemory {
		want = memoryDir
	}
	if got := parentDir(); got != want {
		t.Errorf("folders are in %s, want %s", got, want)
	}
	own := t.TempDir()
	t.Setenv("TMPDIR", own)
	if got := parentDir(); got != own {
		t.Errorf("folders are in %s, TMPDIR is %s", got, own)
	}
}
