package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"sync"
)

// Ports are taken below the range from which the kernel serves outgoing connections (32768 and up on Linux): a server
// that is down for a while finds its port free again, and a client that dials it meanwhile does not connect to itself.
const firstPort, lastPort = 15000, 32000

// Port is a TCP port on 127.0.0.1 that no other test takes, even while its server is down.
type Port struct {
	Number int
	claim  net.Listener // seen by all processes and users, gone with this one
}

// Take finds a free port and claims it until Release.
func Take() (*Port, error) {
	for range 1000 {
		n := firstPort + rand.IntN(lastPort-firstPort)
		claim, err := claimPort(n)
		if err != nil {
			continue
		}
		probe, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(n)))
		if err != nil {
			_ = claim.Close()
			continue
		}
		_ = probe.Close()
		return &Port{Number: n, claim: claim}, nil
	}
	return nil, fmt.Errorf("find a free port between %d and %d: none in 1000 tries", firstPort, lastPort)
}

func claimPort(n int) (net.Listener, error) {
	if runtime.GOOS != "linux" {
		return net.Listen("tcp6", "[::1]:"+strconv.Itoa(n))
	}
	return net.Listen("unix", "@tailrace-port-"+strconv.Itoa(n))
}

// Addr returns the port as "127.0.0.1:port".
func (p *Port) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number)) }

// FreeAddress returns an address on 127.0.0.1 without a listener, "127.0.0.1:port". No other test gets it while this process
// runs.
func FreeAddress() (string, error) {
	p, err := Take()
	if err != nil {
		return "", err
	}
	given.Lock()
	defer given.Unlock()
	given.ports = append(given.ports, p)
	return p.Addr(), nil
}

// given refers to the ports of FreeAddress: a garbage collection would close their claims.
var given struct {
	sync.Mutex
	ports []*Port
}

// Release makes the port available to others.
func (p *Port) Release() { _ = p.claim.Close() }
