package protocol_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/internal/testenv"
)

// A cluster itself tells the slots.
func TestSidecarLiesInTheSlotOfItsKey(t *testing.T) {
	s := testenv.Redis(t, testenv.Directive("cluster-enabled", "yes"))
	client := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer client.Close()
	slot := func(k string) int64 {
		n, err := client.ClusterKeySlot(t.Context(), k).Result()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 3000 {
		var b strings.Builder
		for range 1 + random.IntN(6) {
			b.WriteString([]string{"a", "b", ":", "{", "}", "é"}[random.IntN(6)])
		}
		k := b.String()
		if protocol.CheckKey(k) != nil {
			continue
		}
		accepted++
		if slot(k) != slot(protocol.Sidecar(k)) {
			t.Errorf("key %q: slot %d, sidecar %q: slot %d", k, slot(k), protocol.Sidecar(k), slot(protocol.Sidecar(k)))
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d keys were accepted", accepted)
	}
}

func TestCheckKey(t *testing.T) {
	for k, ok := range map[string]bool{
		"order:1": true, "order:{42}:lines": true, "a{b": true, "": false, "~:k": false, "~t:shop": false, "a}b": false, "a{}b": false,
	} {
		if err := protocol.CheckKey(k); (err == nil) != ok {
			t.Errorf("%q: %v", k, err)
		}
	}
}
