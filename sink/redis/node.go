package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
)

// node is one master with its control keys. The worker's goroutine uses it.
type node struct {
	client    *goredis.Client
	library   *protocol.Library
	owner     protocol.Owner
	epoch     protocol.Epoch
	record    string        // what the sink keeps in Redis
	inherited protocol.LSN  // what an earlier daemon had applied
	offset    time.Duration // of the server's clock from ours
}

// own takes the control keys over.
func (n *node) own(ctx context.Context) (protocol.Opened, error) {
	if err := n.library.Load(ctx); err != nil {
		return protocol.Opened{}, err
	}
	before := time.Now()
	opened, err := protocol.ParseOpened(n.library.Own(ctx, n.client, n.owner.Control, n.owner.Token))
	if err != nil {
		return opened, err
	}
	n.owner.Watermark = opened.Watermark
	n.offset = opened.Now.Sub(before.Add(time.Since(before) / 2))
	return opened, nil
}

// guard returns the owner for calls that are made now and expect a watermark.
func (n *node) guard(watermark string) protocol.Owner {
	o := n.owner
	o.Watermark = watermark
	o.Deadline = time.Now().Add(n.offset + callDeadline)
	return o
}

// clock measures the server's clock again.
func (n *node) clock(ctx context.Context) error {
	before := time.Now()
	now, err := n.client.Time(ctx).Result()
	if err != nil {
		return err
	}
	n.offset = now.Sub(before.Add(time.Since(before) / 2))
	return nil
}

// watermark reads the watermark in Redis; "" when it is lost.
func (n *node) watermark(ctx context.Context) (string, error) {
	text, err := n.client.Get(ctx, n.owner.Control.Base()+":watermark").Result()
	if errors.Is(err, goredis.Nil) {
		return "", nil
	}
	return text, err
}

// replaceWatermark replaces the watermark that was found, and deletes the heartbeat. It takes the control keys over where Redis has lost
// the owner's token.
func (n *node) replaceWatermark(ctx context.Context, found, watermark string) error {
	if err := protocol.Check(n.library.Repair(ctx, n.client, n.guard(found), watermark)); err != nil {
		return err
	}
	n.owner.Watermark = watermark
	return nil
}

// newToken returns a token of one Open.
func newToken() (string, error) {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// maxValue returns the size of the longest text that the server takes; the default when the user may not read it.
func (n *node) maxValue(ctx context.Context) int {
	const name = "proto-max-bulk-len"
	settings, err := n.client.ConfigGet(ctx, name).Result()
	if size, parseErr := strconv.Atoi(settings[name]); err == nil && parseErr == nil {
		return size
	}
	return maxValue
}
