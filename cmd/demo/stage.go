package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/tailrace/tailrace/internal/testenv"
)

// stage is all that runs. Its zero value, with a screen, is empty.
type stage struct {
	screen   *screen
	root     string // of the repository
	dir      string // a folder of our own
	postgres *testenv.PostgresServer
	kafka    *kfake.Cluster
	shop     *shop
	consumer *consumer
	daemon   *daemon
}

// setUp starts everything but the daemon.
func (s *stage) setUp(ctx context.Context) (err error) {
	if s.root, err = repository(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "tailrace-demo-"); err != nil {
		return fmt.Errorf("create a folder: %w", err)
	}
	program := filepath.Join(s.dir, "tailrace")
	built := make(chan error, 1)
	go func() { built <- buildDaemon(ctx, s.root, program) }()
	if err := s.setUpServers(); err != nil {
		return err
	}
	if s.shop, err = openShop(ctx, s.postgres.URL()); err != nil {
		return err
	}
	s.screen.line("a shop       %s orders so far", count(stock))
	if err := s.screen.during("building tailrace", built); err != nil {
		return err
	}
	s.screen.line("tailrace     built from ./cmd/tailrace")
	brokers := strings.Join(s.kafka.ListenAddrs(), ",")
	s.daemon, err = newDaemon(program, filepath.Join(s.dir, "daemon.log"), "SHOP_URL="+s.postgres.URL(), "BROKERS="+brokers)
	if err != nil {
		return err
	}
	s.consumer, err = newConsumer(s.kafka.ListenAddrs())
	return err
}

// setUpServers starts Postgres, which may have to be downloaded, and Kafka.
func (s *stage) setUpServers() error {
	started := make(chan error, 1)
	go func() {
		p, err := testenv.StartPostgres()
		s.postgres = p
		started <- err
	}()
	if err := s.screen.during("fetching and starting Postgres", started); err != nil {
		return err
	}
	s.screen.line("Postgres %d  %s", s.postgres.Version, s.postgres.URL())
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		return fmt.Errorf("start Kafka: %w", err)
	}
	s.kafka = kafka
	s.screen.line("Kafka        %s, inside this process (kfake)", kafka.ListenAddrs()[0])
	return nil
}

// repository finds the folder of go.mod, from which tailrace is built and the example is read.
func repository() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(root, "examples", "demo")); err != nil {
		return "", errors.New("the demo runs inside a clone of the repository: go run ./cmd/demo")
	}
	return root, nil
}

// close ends all that runs, in the order of the rows. The daemon's log stays when something failed.
func (s *stage) close(good bool) {
	if s.shop != nil {
		s.shop.close()
	}
	if s.daemon != nil && s.daemon.cmd != nil {
		_, _ = s.daemon.end(syscall.SIGTERM)
	}
	if s.consumer != nil {
		s.consumer.close()
	}
	if s.kafka != nil {
		s.kafka.Close()
	}
	if s.postgres != nil {
		s.postgres.Close()
	}
	if good && s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
