package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/testenv/folder"
	"github.com/tailrace/tailrace/internal/testenv/install"
	"github.com/tailrace/tailrace/internal/testenv/ports"
	"github.com/tailrace/tailrace/internal/testenv/process"
)

// PostgresServer is a running Postgres with the superuser "postgres", who needs no password, and wal_level = logical.
// Its methods may be called from any goroutine, but only one may stop or start it at a time.
type PostgresServer struct {
	Version int    // major version
	Port    int    // on 127.0.0.1; the same after a restart
	DataDir string // also the folder of its Unix socket
	CAFile  string // certificate of the authority that signed the server's, in PEM; "" without TLS

	conf     []string // lines of postgresql.conf
	hba      string
	tls      bool
	dir      string
	binaries string
	port     *ports.Port
	process  *process.Process
	sessions sessions
	backups  int
}

// Postgres starts a server that ends with the test.
func Postgres(t testing.TB, options ...PostgresOption) *PostgresServer {
	t.Helper()
	s, err := StartPostgres(options...)
	if err != nil {
		t.Fatalf("testenv: %v\n(`make test-deps` installs what tests need)", err)
	}
	t.Cleanup(s.Close)
	return s
}

// StartPostgres starts a server for a program other than a test. The caller closes it.
func StartPostgres(options ...PostgresOption) (*PostgresServer, error) {
	s := &PostgresServer{Version: Newest, conf: defaultSettings(), hba: "host all,replication all all trust"}
	for _, option := range options {
		option(s)
	}
	if err := s.setUp(); err != nil {
		s.Close()
		return nil, fmt.Errorf("set up Postgres %d: %w", s.Version, err)
	}
	if err := s.Start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// setUp creates the folder that Start uses.
func (s *PostgresServer) setUp() (err error) {
	if s.binaries, err = install.Postgres(s.Version); err != nil {
		return err
	}
	template, err := postgresTemplate(s.Version, s.binaries)
	if err != nil {
		return err
	}
	if s.dir, err = folder.New("postgres"); err != nil {
		return err
	}
	s.DataDir = filepath.Join(s.dir, "data")
	if err := copyCluster(template, s.DataDir); err != nil {
		return err
	}
	if s.port, err = ports.Take(); err != nil {
		return err
	}
	s.Port = s.port.Number
	return s.configure()
}

// configure writes postgresql.conf, pg_hba.conf and the certificate.
func (s *PostgresServer) configure() error {
	s.conf = append(s.conf, "port = "+strconv.Itoa(s.Port), "unix_socket_directories = '"+s.DataDir+"'")
	if s.tls {
		ca, cert, err := certificate(s.dir)
		if err != nil {
			return err
		}
		s.CAFile = ca
		s.conf = append(s.conf, "ssl = on", "ssl_cert_file = '"+cert.certFile+"'", "ssl_key_file = '"+cert.keyFile+"'")
	}
	conf, err := os.OpenFile(filepath.Join(s.DataDir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString("\n" + strings.Join(s.conf, "\n") + "\n")
	return errors.Join(err, conf.Close(), s.SetHBA(s.hba))
}

// SetHBA replaces pg_hba.conf's rules for TCP. It takes effect with `SELECT pg_reload_conf()` or a restart.
func (s *PostgresServer) SetHBA(rules string) error {
	rules = "local all,replication all trust\n" + rules + "\n"
	return os.WriteFile(filepath.Join(s.DataDir, "pg_hba.conf"), []byte(rules), 0o600)
}

// Start starts a stopped or crashed server and waits until it accepts queries.
func (s *PostgresServer) Start() error {
	cmd := exec.Command(filepath.Join(s.binaries, "bin", "postgres"), "-D", s.DataDir)
	cmd.Dir = s.DataDir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: folder.Unprivileged()}
	p, err := process.Start(cmd, s.Log(), syscall.SIGQUIT)
	if err != nil {
		return err
	}
	s.process = p
	if err := p.Await(s.ping); err != nil {
		return fmt.Errorf("start Postgres %d: %w\n%s", s.Version, err, process.LogTail(s.Log()))
	}
	return nil
}

func (s *PostgresServer) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), process.Patience)
	defer cancel()
	conn, err := s.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// connect opens a connection as superuser on the Unix socket.
func (s *PostgresServer) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("host=%s port=%d user=postgres dbname='%s' sslmode=disable", s.DataDir, s.Port,
		strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database)))
}

// Restart stops the server in fast mode and starts it.
func (s *PostgresServer) Restart() error {
	if err := s.Stop(Fast); err != nil {
		return err
	}
	return s.Start()
}

// Close stops the server at once and removes its folder.
func (s *PostgresServer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), process.Patience)
	defer cancel()
	s.sessions.close(ctx)
	if s.process != nil {
		_ = s.Stop(Immediate)
	}
	if s.port != nil {
		s.port.Release()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// Addr returns the server's "127.0.0.1:port".
func (s *PostgresServer) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// URL returns the connection string of a database (default "postgres") for the superuser.
func (s *PostgresServer) URL(database ...string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: s.Addr(), Path: "/postgres"}
	if len(database) > 0 {
		u.Path = "/" + database[0]
	}
	return u.String()
}

// Log returns the path of the server's log.
func (s *PostgresServer) Log() string { return filepath.Join(s.dir, "log") }
