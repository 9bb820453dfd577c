//go:build !linux

package postgres

import (
	"errors"
	"net"
	"time"
)

type unwatched struct{ *net.UnixConn }

func (unwatched) nap(d time.Duration) { time.Sleep(d) }

// unwatch is for Linux only: elsewhere the runtime watches.
func unwatch(*net.UnixConn) (unwatched, error) { return unwatched{}, errors.ErrUnsupported }
