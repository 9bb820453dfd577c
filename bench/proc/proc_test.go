package proc

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestOwnProcess(t *testing.T) {
	pid := os.Getpid()
	waits := Waits(pid)
	least := used()
	for least < 50*time.Millisecond {
		least = used() // uses CPU
	}
	cpu := CPU(pid)
	if most := used(); cpu < least-3*time.Second/ticks || cpu > most+3*time.Second/ticks {
		t.Errorf("the process has used %v; the kernel says between %v and %v", cpu, least, most)
	}
	if p := Peak(pid); p < 1<<20 || p > 1<<40 {
		t.Errorf("the peak is %d bytes", p)
	}
	for range 20 {
		time.Sleep(time.Millisecond)
	}
	if n := Waits(pid) - waits; n < 5 {
		t.Errorf("twenty sleeps are %d waits", n)
	}
	written := Written(pid)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, err := null.Write(make([]byte, 12345)); err != nil {
		t.Fatal(err)
	}
	if n := Written(pid) - written; n < 12345 {
		t.Errorf("%d bytes were written", n)
	}
}

// used returns the CPU time of this process, obtained by other means.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestEndedChild(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if Ended(pid) {
		t.Error("it has ended already")
	}
	_ = cmd.Process.Kill()
	for deadline := time.Now().Add(10 * time.Second); !Ended(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never ended")
		}
	}
	_ = cmd.Wait()
	if !Ended(pid) || CPU(pid) != 0 || Peak(pid) != 0 || Waits(pid) != 0 {
		t.Error("there is something of a process that is gone")
	}
}
