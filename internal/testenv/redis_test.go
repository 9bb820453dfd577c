package testenv

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestRedisIsEmptyAfterARestart(t *testing.T) {
	needServers(t)
	s := Redis(t, Directive("maxmemory", "8mb"))
	client := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer client.Close()
	if got := client.ConfigGet(t.Context(), "maxmemory").Val()["maxmemory"]; got != "8388608" {
		t.Fatalf("maxmemory %s, want 8388608", got)
	}
	for _, down := range []func() error{s.Kill, s.Stop} {
		if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(down(), s.Start()); err != nil {
			t.Fatal(err)
		}
		if n := client.Exists(t.Context(), "k").Val(); n != 0 {
			t.Fatal("the key survived a restart")
		}
	}
}
