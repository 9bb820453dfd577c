package testenv

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// sessions keeps the sessions of Query between its calls, one per database: a test polls a server fifty times per second, and a
// new session costs the server more than most queries do. Its methods may be called from any goroutine.
type sessions struct {
	mu   sync.Mutex
	idle map[string]*pgx.Conn
}

// take returns the idle session of a database if it is still alive, nil otherwise. The caller puts it back or closes it.
func (s *sessions) take(ctx context.Context, database string) *pgx.Conn {
	s.mu.Lock()
	conn := s.idle[database]
	delete(s.idle, database)
	s.mu.Unlock()
	if conn != nil && conn.Ping(ctx) != nil { // the server was restarted, or the session terminated
		_ = conn.Close(ctx)
		return nil
	}
	return conn
}

// put keeps a session for the next call, unless it is broken or there is one already.
func (s *sessions) put(ctx context.Context, database string, conn *pgx.Conn) {
	s.mu.Lock()
	keep := s.idle[database] == nil && !conn.IsClosed()
	if keep {
		if s.idle == nil {
			s.idle = map[string]*pgx.Conn{}
		}
		s.idle[database] = conn
	}
	s.mu.Unlock()
	if !keep {
		_ = conn.Close(ctx)
	}
}

// close ends the idle sessions.
func (s *sessions) close(ctx context.Context) {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, conn := range idle {
		_ = conn.Close(ctx)
	}
}
