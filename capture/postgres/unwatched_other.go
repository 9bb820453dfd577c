//go:build !linux

package postgres

import (
	"errors"
	"net"
	"time"
)

type unwatched struct{ net.Conn }

func (unwatched) nap(d time.Duration) { time.Sleep(d) }
func (unwatched) take([]byte) int     { return 0 }

// unwatch is for Linux only: elsewhere the runtime watches.
func unwatch(net.Conn) (unwatched, error) { return unwatched{}, errors.ErrUnsupported }
