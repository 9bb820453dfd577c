package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/tailrace/tailrace/internal/testenv"
)

// stage is everything that runs. A stage with only a screen and a dir is empty.
type stage struct {
	screen   *screen
	dir      string // a folder of our own, with the program tailrace
	postgres *testenv.PostgresServer
	kafka    *kfake.Cluster
	shop     *shop
	consumer *consumer
	daemon   *daemon
}

// setUp starts everything but the daemon.
func (s *stage) setUp(ctx context.Context) (err error) {
	if err := s.setUpServers(); err != nil {
		return err
	}
	if s.shop, err = openShop(ctx, s.postgres.URL()); err != nil {
		return err
	}
	s.screen.line("a shop       %s orders so far", count(stock))
	brokers := strings.Join(s.kafka.ListenAddrs(), ",")
	s.daemon, err = newDaemon(s.dir, "SHOP_URL="+s.postgres.URL(), "BROKERS="+brokers)
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

// close stops everything that runs, in the order of the rows. The daemon's log is kept after a failure.
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
	if good || s.daemon == nil {
		_ = os.RemoveAll(s.dir)
	}
}
