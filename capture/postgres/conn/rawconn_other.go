//go:build !linux

package conn

import (
	"errors"
	"net"
	"time"
)

type RawConn struct{ net.Conn }

func (RawConn) handOver()                      {}
func (RawConn) sleepUntilWake(d time.Duration) { time.Sleep(d) }
func (RawConn) tryRead([]byte) int             { return 0 }

// unwatch is supported on Linux only: elsewhere the runtime watches the socket.
func unwatch(net.Conn) (RawConn, error) { return RawConn{}, errors.ErrUnsupported }
