package ports

import (
	"net"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// A daemon binds its address later than the test chose it. Until then another process must not get it, also after a garbage
// collection, which closes listeners that nothing refers to.
func TestFreeAddressStaysTaken(t *testing.T) {
	var numbers []int
	for range 20 {
		address, err := FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	for range 5 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond) // for the finalizers
	}
	for _, n := range numbers {
		if claim, err := claimPort(n); err == nil {
			_ = claim.Close()
			t.Errorf("port %d can be taken by another test", n)
		}
	}
}
