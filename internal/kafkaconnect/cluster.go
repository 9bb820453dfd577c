package kafkaconnect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

// Cluster sends requests to a Kafka cluster, apart from produce requests. It keeps one connection to a broker and one to the
// coordinator, opens them when they are needed, and closes them after any error.
type Cluster struct {
	Seeds  []string       // the addresses from the settings
	Config *sarama.Config // of every connection
	tls    *tls.Config    // nil: plaintext

	mu          sync.Mutex // one call at a time: it is locked during a call, and guards the connections
	anyBroker   *Conn
	coordinator *Conn // to the coordinator of the transactional id

	knownMu      sync.Mutex       // guards what follows; never locked for long
	brokers      map[int32]string // addresses by id, as of the last metadata; replaced, not changed
	controllerID int32            // the controller's id
	closing      *sync.WaitGroup  // connections that were cut and are still being closed; nil: none since the last Close
}

// New returns a Cluster with the addresses from the settings; it contacts nothing. Without a login it does not
// authenticate, with a nil conf it uses plaintext. maxOpenRequests limits the requests in flight on one connection.
func New(brokers []string, login *Login, conf *tls.Config, maxOpenRequests int) (*Cluster, error) {
	c, err := clientConfig(login, maxOpenRequests)
	if err != nil {
		return nil, err
	}
	return &Cluster{Seeds: brokers, Config: c, tls: conf}, nil
}

func (c *Cluster) learn(m *sarama.MetadataResponse) {
	brokers := make(map[int32]string, len(m.Brokers))
	for _, b := range m.Brokers {
		brokers[b.ID()] = b.Addr()
	}
	c.knownMu.Lock()
	defer c.knownMu.Unlock()
	if len(brokers) > 0 {
		c.brokers, c.controllerID = brokers, m.ControllerID
	}
}

// Addr returns the address of a broker.
func (c *Cluster) Addr(id int32) (string, bool) {
	c.knownMu.Lock()
	defer c.knownMu.Unlock()
	a, ok := c.brokers[id]
	return a, ok
}

// Controller returns the id of the controller.
func (c *Cluster) Controller() int32 {
	c.knownMu.Lock()
	defer c.knownMu.Unlock()
	return c.controllerID
}

// Ask calls fn with a connection to any broker. The end of ctx cuts the connection.
func (c *Cluster) Ask(ctx context.Context, fn func(*Conn) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.askLocked(ctx, fn)
}

func (c *Cluster) askLocked(ctx context.Context, fn func(*Conn) error) error {
	if c.anyBroker != nil { // an idle connection may have been closed: then a new one
		if err := call(ctx, c.anyBroker, fn); err == nil || ctx.Err() != nil || !isBroken(err) {
			return err
		}
		c.anyBroker.Kill()
		c.anyBroker = nil
	}
	var tried []string
	var problems []*capture.Problem
	for _, addr := range c.candidates() {
		k, err := c.Dial(ctx, addr)
		if err == nil {
			if err = call(ctx, k, fn); err == nil || !isBroken(err) {
				c.anyBroker = k
				return err
			}
			k.Kill()
		}
		p := capture.AsProblem(err)
		if p == nil { // it answers, but not as Kafka does
			p = Unreachable(err, addr)
		}
		tried, problems = append(tried, addr), append(problems, p)
		if ctx.Err() != nil {
			break
		}
	}
	return dialProblems(tried, problems)
}

// candidates returns the addresses to try: those from the settings, then those that the cluster has reported.
func (c *Cluster) candidates() []string {
	c.knownMu.Lock()
	defer c.knownMu.Unlock()
	addrs := slices.Clone(c.Seeds)
	for _, id := range slices.Sorted(maps.Keys(c.brokers)) {
		if a := c.brokers[id]; !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// call calls fn, which sends a request over k. The end of ctx cuts the connection; the error is then that of a lost
// connection.
func call(ctx context.Context, k *Conn, fn func(*Conn) error) error {
	stop := context.AfterFunc(ctx, k.raw.cut)
	defer stop()
	err := fn(k)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return CutOff(k.Addr(), err)
}

// isBroken reports whether the connection has to be closed, which is so after every error but an error code from Kafka.
func isBroken(err error) bool {
	var answer sarama.KError
	return !errors.As(err, &answer)
}

// Metadata requests the brokers and the named topics, at least one. It creates no topic.
func (c *Cluster) Metadata(ctx context.Context, topics ...string) (*sarama.MetadataResponse, error) {
	var m *sarama.MetadataResponse
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.askLocked(ctx, func(k *Conn) (err error) {
		m, err = k.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: topics})
		return err
	})
	if err != nil {
		return nil, err
	}
	c.learn(m)
	return m, nil
}

// askAllWithin limits how long KnownToAny waits for a broker.
const askAllWithin = 3 * time.Second

// KnownToAny returns those topics that at least one broker knows. A broker learns of a new topic a moment after the
// controller has confirmed its creation, so that one broker's "unknown topic" does not prove that there is none. A
// broker that does not answer within three seconds is not counted.
func (c *Cluster) KnownToAny(ctx context.Context, topics ...string) map[string]bool {
	ctx, stop := context.WithTimeoutCause(ctx, askAllWithin, ErrTimeout)
	defer stop()
	c.knownMu.Lock()
	addrs := slices.Collect(maps.Values(c.brokers))
	c.knownMu.Unlock()
	var mu sync.Mutex
	known := map[string]bool{}
	var brokers sync.WaitGroup
	for _, addr := range addrs {
		brokers.Go(func() {
			var m *sarama.MetadataResponse
			err := c.AskAt(ctx, addr, func(k *Conn) (err error) {
				m, err = k.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: topics})
				return err
			})
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, t := range m.Topics {
				if t.Err != sarama.ErrUnknownTopicOrPartition {
					known[t.Name] = true
				}
			}
		})
	}
	brokers.Wait()
	return known
}

// AskController calls fn with a connection to the controller: not every broker forwards requests to it.
func (c *Cluster) AskController(ctx context.Context, fn func(*Conn) error) error {
	c.knownMu.Lock()
	addr, ok := c.brokers[c.controllerID]
	c.knownMu.Unlock()
	if !ok {
		return c.Ask(ctx, fn)
	}
	k, err := c.Dial(ctx, addr)
	if err != nil {
		return fmt.Errorf("connect to Kafka's controller: %w", err)
	}
	defer k.Kill()
	return call(ctx, k, fn)
}

// AskAt calls fn with a connection of its own to the broker at addr.
func (c *Cluster) AskAt(ctx context.Context, addr string, fn func(*Conn) error) error {
	k, err := c.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer k.Kill()
	return call(ctx, k, fn)
}

// AskCoordinator calls fn with a connection to the transaction coordinator of id.
func (c *Cluster) AskCoordinator(ctx context.Context, id string, fn func(*Conn) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.coordinator != nil { // an idle connection may have been closed: then a new one
		if err := call(ctx, c.coordinator, fn); err == nil || ctx.Err() != nil || !isBroken(err) && !CoordinatorMoved(err) {
			return err
		}
		c.coordinator.Kill()
		c.coordinator = nil
	}
	if err := c.findCoordinator(ctx, id); err != nil {
		return err
	}
	return call(ctx, c.coordinator, fn)
}

func (c *Cluster) findCoordinator(ctx context.Context, id string) error {
	var at string
	err := c.askLocked(ctx, func(k *Conn) error {
		r, err := k.FindCoordinator(&sarama.FindCoordinatorRequest{
			Version: 2, CoordinatorKey: id, CoordinatorType: sarama.CoordinatorTransaction,
		})
		if err != nil {
			return err
		}
		if r.Err != sarama.ErrNoError {
			return r.Err
		}
		at = r.Coordinator.Addr()
		return nil
	})
	if err != nil {
		return err
	}
	if c.coordinator, err = c.Dial(ctx, at); err != nil {
		return fmt.Errorf("connect to Kafka's transaction coordinator: %w", err)
	}
	return nil
}

// Close cuts the connections, and waits until all that were opened and cut are closed. The next request opens them again.
func (c *Cluster) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.anyBroker.Kill()
	c.coordinator.Kill()
	c.anyBroker, c.coordinator = nil, nil
	c.knownMu.Lock()
	closing := c.closing
	c.closing = nil
	c.knownMu.Unlock()
	if closing != nil {
		closing.Wait()
	}
}
