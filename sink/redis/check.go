package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
)

// Check reads the live server. It changes nothing but the library of functions, which a sink and every service load too.
func (s *Settings) Check(ctx context.Context, pipeline, _ string) []error {
	client, err := s.client()
	if err != nil {
		return []error{problemOf(err)}
	}
	defer client.Close()
	if err := client.Ping(ctx).Err(); err != nil {
		return []error{problemOf(err)}
	}
	if err := protocol.NewLibrary(client).Load(ctx); err != nil {
		return []error{problemOf(err)}
	}
	var found []error
	policy, err := client.ConfigGet(ctx, "maxmemory-policy").Result()
	if p := policy["maxmemory-policy"]; err == nil && strings.HasPrefix(p, "allkeys-") {
		found = append(found, &capture.Warning{
			Reason: fmt.Sprintf("maxmemory-policy is %s, so Redis may evict tombstones while it is full", p),
			Fix:    "CONFIG SET maxmemory-policy volatile-ttl",
		})
	}
	return found
}

// Drop removes the control keys. Values and tombstones expire.
func (s *Settings) Drop(ctx context.Context, pipeline, name string, _ capture.Origin, dry bool) ([]string, error) {
	client, err := s.client()
	if err != nil {
		return nil, err
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
			return lines, problemOf(err)
		}
		if n > 0 {
			lines = append(lines, fmt.Sprintf("key %s in Redis of sink %s", base+key, name))
		}
	}
	return append(lines, fmt.Sprintf("left: the values in Redis of sink %s, which are no longer invalidated", name)), nil
}
