package testenv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/internal/testenv/folder"
	"github.com/tailrace/tailrace/internal/testenv/ports"
	"github.com/tailrace/tailrace/internal/testenv/process"
)

// RedisServer is a running Redis without persistence: a restart finds it empty. Its methods may be called from any
// goroutine, but only one may stop or start it at a time.
type RedisServer struct {
	args    []string
	dir     string
	port    *ports.Port
	process *process.Process

	tls    bool
	CAFile string // of the authority that signed the certificate of RedisTLS; "": without TLS
}

// RedisOption changes how a server is set up.
type RedisOption func(*RedisServer)

// Directive sets a directive of redis.conf, such as ("maxmemory", "1mb").
func Directive(name string, values ...string) RedisOption {
	return func(s *RedisServer) { s.args = append(append(s.args, "--"+name), values...) }
}

// RedisTLS makes the server speak TLS, and nothing else, with a certificate for 127.0.0.1 and localhost that CAFile verifies.
func RedisTLS() RedisOption { return func(s *RedisServer) { s.tls = true } }

// useTLS replaces the port by one for TLS.
func (s *RedisServer) useTLS() error {
	ca, cert, err := certificate(s.dir)
	if err != nil {
		return err
	}
	s.CAFile = ca
	s.args = append(s.args, "--port", "0", "--tls-port", strconv.Itoa(s.port.Number), "--tls-auth-clients", "no",
		"--tls-ca-cert-file", ca, "--tls-cert-file", cert.certFile, "--tls-key-file", cert.keyFile)
	return nil
}

// clientTLS returns what a client of the server needs; nil without TLS.
func (s *RedisServer) clientTLS() *tls.Config {
	if !s.tls {
		return nil
	}
	return &tls.Config{InsecureSkipVerify: true} // it asks only whether the server answers
}

// Redis starts a server that ends with the test.
func Redis(t testing.TB, options ...RedisOption) *RedisServer {
	t.Helper()
	s, err := StartRedis(options...)
	if err != nil {
		t.Fatalf("testenv: %v\n(`make test-deps` installs what tests need)", err)
	}
	t.Cleanup(s.Close)
	return s
}

// StartRedis starts a server for a program other than a test. The caller closes it.
func StartRedis(options ...RedisOption) (*RedisServer, error) {
	s := &RedisServer{}
	var err1, err2 error
	s.port, err1 = ports.Take()
	s.dir, err2 = folder.New("redis")
	err := errors.Join(err1, err2)
	if err == nil {
		s.args = []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port.Number), "--dir", s.dir, "--save", ""}
		for _, option := range options {
			option(s)
		}
		if s.tls {
			err = s.useTLS()
		}
	}
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Start starts a stopped or killed server and waits until it answers.
func (s *RedisServer) Start() (err error) {
	if s.process, err = process.Start(exec.Command("redis-server", s.args...), s.Log(), syscall.SIGKILL); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1, TLSConfig: s.clientTLS()})
	defer client.Close()
	err = s.process.Await(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := client.Ping(ctx).Err()
		if redis.HasErrorPrefix(err, "NOAUTH") { // "requirepass" is set: it answers
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("start Redis: %w\n%s", err, process.LogTail(s.Log()))
	}
	return nil
}

// Stop asks the server to stop and waits until it is down.
func (s *RedisServer) Stop() error { return s.end(syscall.SIGTERM) }

// Kill kills the server at once, as kill -9 does.
func (s *RedisServer) Kill() error { return s.end(syscall.SIGKILL) }

// Restart is Stop and Start.
func (s *RedisServer) Restart() error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Start()
}

// Pause stops the server's process with SIGSTOP, until Continue.
func (s *RedisServer) Pause() error { return s.process.Signal(syscall.SIGSTOP) }

// Continue resumes a paused server.
func (s *RedisServer) Continue() error { return s.process.Signal(syscall.SIGCONT) }

func (s *RedisServer) end(signal syscall.Signal) error {
	if err := s.process.End(signal); err != nil {
		return fmt.Errorf("stop Redis: %w", err)
	}
	return nil
}

// Close stops the server at once and removes its folder.
func (s *RedisServer) Close() {
	if s.process != nil {
		_ = s.Kill()
	}
	if s.port != nil {
		s.port.Release()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// Addr returns the server's "127.0.0.1:port"; the same after a restart.
func (s *RedisServer) Addr() string { return s.port.Addr() }

// Log returns the path of the server's log.
func (s *RedisServer) Log() string { return filepath.Join(s.dir, "log") }
