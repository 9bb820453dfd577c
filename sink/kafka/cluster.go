package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

// cluster is how we ask a Kafka cluster for something other than to store records: over a connection of its own, opened
// on need and thrown away after any error.
type cluster struct {
	seeds []string
	conf  *sarama.Config
	tls   *tls.Config // nil: plaintext

	mu      sync.Mutex // held during a call: one at a time
	control *conn
	txn     *conn // to the coordinator of the transactional id

	known   sync.Mutex       // never held for long
	brokers map[int32]string // addresses by id, as of the last metadata; replaced, not changed
	leader  int32            // the controller's id
}

func (c *cluster) learn(m *sarama.MetadataResponse) {
	brokers := make(map[int32]string, len(m.Brokers))
	for _, b := range m.Brokers {
		brokers[b.ID()] = b.Addr()
	}
	c.known.Lock()
	defer c.known.Unlock()
	if len(brokers) > 0 {
		c.brokers, c.leader = brokers, m.ControllerID
	}
}

// addr is the address of a broker.
func (c *cluster) addr(id int32) (string, bool) {
	c.known.Lock()
	defer c.known.Unlock()
	a, ok := c.brokers[id]
	return a, ok
}

// controller is the id of the controller.
func (c *cluster) controller() int32 {
	c.known.Lock()
	defer c.known.Unlock()
	return c.leader
}

// ask calls fn with a connection to any broker. The ctx cuts the connection.
func (c *cluster) ask(ctx context.Context, fn func(*conn) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.askLocked(ctx, fn)
}

func (c *cluster) askLocked(ctx context.Context, fn func(*conn) error) error {
	if c.control != nil { // it may have died of idleness: then a new one
		if err := call(ctx, c.control, fn); err == nil || ctx.Err() != nil || !broken(err) {
			return err
		}
		c.control.kill()
		c.control = nil
	}
	var tried []string
	var problems []*capture.Problem
	for _, addr := range c.candidates() {
		k, err := c.dial(ctx, addr)
		if err == nil {
			if err = call(ctx, k, fn); err == nil || !broken(err) {
				c.control = k
				return err
			}
			k.kill()
		}
		p := capture.AsProblem(err)
		if p == nil { // it answers, but not as Kafka does
			p = unreachable(err, addr)
		}
		tried, problems = append(tried, addr), append(problems, p)
		if ctx.Err() != nil {
			break
		}
	}
	return undialed(tried, problems)
}

// candidates are the addresses to try: as the file says, then those that the cluster named.
func (c *cluster) candidates() []string {
	c.known.Lock()
	defer c.known.Unlock()
	addrs := slices.Clone(c.seeds)
	for _, id := range slices.Sorted(maps.Keys(c.brokers)) {
		if a := c.brokers[id]; !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// call calls fn, which asks a broker something. The ctx cuts the connection, which is named as one that was lost.
func call(ctx context.Context, k *conn, fn func(*conn) error) error {
	stop := context.AfterFunc(ctx, k.raw.cut)
	defer stop()
	err := fn(k)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return cutOff(k.Addr(), err)
}

// broken says whether the connection has to be thrown away: after anything but an answer of Kafka's.
func broken(err error) bool {
	var answer sarama.KError
	return !errors.As(err, &answer)
}

// metadata asks for brokers and the named topics, at least one. It creates nothing.
func (c *cluster) metadata(ctx context.Context, topics ...string) (*sarama.MetadataResponse, error) {
	var m *sarama.MetadataResponse
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.askLocked(ctx, func(k *conn) (err error) {
		m, err = k.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: topics})
		return err
	})
	if err != nil {
		return nil, err
	}
	c.learn(m)
	return m, nil
}

// askController calls fn with a connection to the controller: not every broker passes a request on to it.
func (c *cluster) askController(ctx context.Context, fn func(*conn) error) error {
	c.known.Lock()
	addr, ok := c.brokers[c.leader]
	c.known.Unlock()
	if !ok {
		return c.ask(ctx, fn)
	}
	k, err := c.dial(ctx, addr)
	if err != nil {
		return fmt.Errorf("connect to Kafka's controller: %w", err)
	}
	defer k.kill()
	return call(ctx, k, fn)
}

// coordinator calls fn with a connection to the transaction coordinator of id.
func (c *cluster) coordinator(ctx context.Context, id string, fn func(*conn) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.txn != nil { // it may have died of idleness: then a new one
		if err := call(ctx, c.txn, fn); err == nil || ctx.Err() != nil || !broken(err) && !moved(err) {
			return err
		}
		c.txn.kill()
		c.txn = nil
	}
	if err := c.findCoordinator(ctx, id); err != nil {
		return err
	}
	return call(ctx, c.txn, fn)
}

func (c *cluster) findCoordinator(ctx context.Context, id string) error {
	var at string
	err := c.askLocked(ctx, func(k *conn) error {
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
	if c.txn, err = c.dial(ctx, at); err != nil {
		return fmt.Errorf("connect to Kafka's transaction coordinator: %w", err)
	}
	return nil
}

// close cuts the connections. They come back with the next question.
func (c *cluster) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.control.kill()
	c.txn.kill()
	c.control, c.txn = nil, nil
}
