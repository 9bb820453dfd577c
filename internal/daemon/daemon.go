package daemon

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/admin"
	"github.com/tailrace/tailrace/internal/pipeline"
)

// drainTime is how long the pipelines have to drain. With the second of the admin server the time from SIGTERM to the exit stays
// below 10 s.
const drainTime = 8 * time.Second

// Options are what Run runs.
type Options struct {
	File    *config.File
	Log     *zap.Logger
	Version string
	// Strict ends the daemon when a pipeline is halted or cannot start, instead of retrying.
	Strict bool
}

// Run runs all pipelines of the file and the admin server until ctx ends, drains them and returns nil. Its error is why it could
// not start or, when strict, the error of the pipeline that ended it, which may be a *capture.Problem.
func Run(ctx context.Context, o Options) error {
	l, err := net.Listen("tcp", o.File.Daemon.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s for metrics and status: %w", o.File.Daemon.Listen, err)
	}
	registry := newRegistry(o.Version, o.File.Hash)
	d := newDaemon(o, registry, budget(o.File, o.Log))
	access := admin.Access{Token: string(o.File.Daemon.Token), Listen: o.File.Daemon.Listen}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var served sync.WaitGroup
	served.Go(func() {
		if err := admin.New(d, registry, access, o.Version, o.Log).Serve(serving, l); err != nil {
			o.Log.Error("admin server ended", zap.Error(err))
		}
	})
	o.Log.Info("started", zap.String("version", o.Version), zap.Stringer("listen", l.Addr()),
		zap.Int("pipelines", len(d.supervisors)))
	err = d.run(ctx)
	stop()
	served.Wait()
	return err
}

// daemon is the running pipelines.
type daemon struct {
	supervisors []*supervisor // in the order of the files
	strict      bool
	log         *zap.Logger
}

func newDaemon(o Options, registry prometheus.Registerer, windows []int64) *daemon {
	d := &daemon{strict: o.Strict, log: o.Log}
	metrics := pipeline.NewMetrics(registry)
	paths := absolute(o.File.Paths)
	for i, block := range o.File.Pipelines {
		s := newSupervisor(block, o.Log.With(zap.String("pipeline", block.Name)))
		s.fix = capture.FixArgs{Pipeline: block.Name, Paths: paths}
		s.rings = newRings(block, o.File.Daemon.Token)
		s.build = func(ctx context.Context) (runner, error) {
			return build(ctx, block, s.fix, windows[i], s.rings, metrics, o.Log)
		}
		d.supervisors = append(d.supervisors, s)
	}
	registry.MustRegister(&haltedCollector{d})
	return d
}

// absolute returns absolute paths.
func absolute(paths []string) (all []string) {
	for _, p := range paths {
		if a, err := filepath.Abs(p); err == nil {
			p = a
		}
		all = append(all, p)
	}
	return all
}

// run runs every pipeline until ctx ends or, when strict, until one of them has a problem, which it returns. What does not drain in
// time is abandoned: the next start continues from what is durable in the sinks.
func (d *daemon) run(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	problems := make(chan error, 1)
	drained := make(chan struct{})
	var all sync.WaitGroup
	for _, s := range d.supervisors {
		all.Go(func() { s.run(ctx, problems) })
	}
	go func() { all.Wait(); close(drained) }()

	err := d.wait(ctx, problems)
	d.log.Info("stopping", zap.NamedError("cause", err))
	end()
	select {
	case <-drained:
		d.log.Info("stopped")
	case <-time.After(drainTime):
		d.log.Warn("stopped before everything was drained: the next start writes again what is missing")
	}
	return err
}

// wait waits for the end of ctx or, when strict, for the first problem, which it returns.
func (d *daemon) wait(ctx context.Context, problems <-chan error) error {
	if !d.strict {
		problems = nil
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-problems:
		return err
	}
}
