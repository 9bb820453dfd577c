package config

import (
	"fmt"
	"net"
	"reflect"
	"strconv"

	"github.com/hashicorp/hcl/v2"
)

// DefaultListen is where a daemon listens when its file does not say: loopback, as metrics and status carry table names.
const DefaultListen = "127.0.0.1:9187"

type daemonSettings struct {
	// Host and port of metrics, health, API and status page.
	Listen string `hcl:"listen,optional"`
	// For HTTP calls that change state or show values of rows (`tailrace tail`), as `Authorization: Bearer TOKEN`; without a token
	// they are refused. The `Host` of such a call has to be `localhost`, an IP address or the host of `listen`, and the call must not
	// come from a page of another origin.
	Token Secret `hcl:"token,optional"`
	// For all windows together.
	//
	// Default: a share of the cgroup's limit
	Memory Size `hcl:"memory,optional"`
}

func newDaemonSettings() *daemonSettings { return &daemonSettings{Listen: DefaultListen} }

// CheckSettings checks the address.
func (d *daemonSettings) CheckSettings(at Positions) hcl.Diagnostics {
	_, port, err := net.SplitHostPort(d.Listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return hcl.Diagnostics{problem(at.At("listen"), "listen is not an address", `Write a host and a port, such as "127.0.0.1:9187".`)}
	}
	return nil
}

// daemon reads the daemon block, if there is one in any file.
func (l *loader) daemon() Daemon {
	d := newDaemonSettings()
	first := ""
	for _, b := range l.daemons {
		on, _ := l.enabled(b.Body.Attributes)
		if !l.labels(b) || !on {
			continue
		}
		if first != "" {
			l.report.append(problem(b.TypeRange, "there are two daemon blocks", fmt.Sprintf("The first is at %s.", first)))
			continue
		}
		first = where(b.TypeRange)
		body := bodyOf("daemon", b)
		l.checkNames(&body, schemaOf(reflect.TypeFor[daemonSettings]()))
		l.decode(body, reflect.ValueOf(d).Elem())
	}
	return Daemon{Listen: d.Listen, Token: d.Token, Memory: int64(d.Memory)}
}
