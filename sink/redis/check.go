package redis

import (
	"context"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
)

// Check reads the live server. It changes nothing but the library of functions, which a sink and every service load too.
func (s *Settings) Check(ctx context.Context, pipeline, _ string) []error {
	o := s.options(pipeline)
	client, err := s.client()
	if err != nil {
		return []error{o.problem(err)}
	}
	defer client.Close()
	if err := client.Ping(ctx).Err(); err != nil {
		return []error{o.problem(err)}
	}
	if err := protocol.NewLibrary(client).Load(ctx); err != nil {
		return []error{o.problem(err)}
	}
	var found []error
	policy, err := client.ConfigGet(ctx, "maxmemory-policy").Result()
	if p := policy["maxmemory-policy"]; err == nil && slices.Contains(unsafePolicies, p) {
		found = append(found, &capture.Warning{
			Reason: fmt.Sprintf("with maxmemory-policy %s a full Redis evicts young tombstones, without which readers of a standby may fill old values", p),
			Fix:    "CONFIG SET maxmemory-policy volatile-lru",
		})
	}
	return found
}

// unsafePolicies evict keys that were written a moment ago: all those but noeviction and the ones that evict what was not used for long.
var unsafePolicies = []string{"allkeys-random", "volatile-random", "volatile-ttl", "allkeys-lfu", "volatile-lfu", "allkeys-lru"}

// Drop removes the control keys. Values and tombstones expire.
func (s *Settings) Drop(ctx context.Context, pipeline, name string, _ capture.Origin, dry bool) ([]string, error) {
	o := s.options(pipeline)
	client, err := s.client()
	if err != nil {
		return nil, o.problem(err)
	}
	defer client.Close()
	base := protocol.Control{Source: pipeline}.Base()
	var lines []string
	for _, key := range []string{":owner", ":watermark", ":record", ":heartbeat", ":section"} {
		n, err := client.Exists(ctx, base+key).Result()
		if err == nil && n > 0 && !dry {
			err = client.Del(ctx, base+key).Err()
		}
		if err != nil {
			return lines, o.problem(err)
		}
		if n > 0 {
			lines = append(lines, fmt.Sprintf("key %s in Redis of sink %s", base+key, name))
		}
	}
	return append(lines, fmt.Sprintf("left: the values in Redis of sink %s, which are no longer invalidated", name)), nil
}
