package testenv

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv/folder"
	"github.com/tailrace/tailrace/internal/testenv/process"
)

// TestServersDieWithTheirParent runs this test binary again, kills it while it has servers, and waits for these to end.
func TestServersDieWithTheirParent(t *testing.T) {
	needServers(t)
	if os.Getenv("TESTENV_PARENT") != "" {
		p, r := Postgres(t), Redis(t)
		fmt.Println("servers", p.Pid(), r.process.Pid(), p.dir)
		select {}
	}
	parent := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	parent.Env = append(os.Environ(), "TESTENV_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pids [2]int
	var dir string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, _ := fmt.Sscanf(lines.Text(), "servers %d %d %s", &pids[0], &pids[1], &dir); n == 3 {
			break
		}
	}
	if !alive(pids[0]) || !alive(pids[1]) {
		t.Fatalf("servers %v do not run", pids)
	}
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for deadline := time.Now().Add(process.Patience); alive(pids[0]) || alive(pids[1]); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("servers %v outlived their parent", pids)
		}
	}
	folder.Sweep()
	if _, err := os.Stat(dir); err == nil {
		t.Fatalf("folder %s outlived its process", dir)
	}
}
