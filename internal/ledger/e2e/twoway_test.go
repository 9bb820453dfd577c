package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

const bothWays = `
daemon { listen = %q }

pipeline "there" {
  source "postgres" {
    url    = %q
    tables = ["public.*"]
    origin = "none"
  }
  sink "postgres" "copy" {
    url    = %q
    origin = "required"
  }
}

pipeline "back" {
  source "postgres" {
    url    = %q
    tables = ["public.*"]
    origin = "none"
    snapshot { mode = "never" }
  }
  sink "postgres" "copy" {
    url    = %q
    origin = "required"
  }
}
`

// TestReplicaBothWays writes to two servers that are replicas of each other. Each skips what the other one's sink
// wrote, the old server in the daemon and the new one by itself: an echo would be a conflict, and halt.
func TestReplicaBothWays(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	p := newPair(t, build(t).binary, testenv.Oldest, testenv.Newest)
	p.source.Exec(t, "CREATE TABLE stock (place text, id int, n int, PRIMARY KEY (place, id))",
		"INSERT INTO stock SELECT 'old', i, 0 FROM generate_series(1, 100) i")
	p.target.Exec(t, "CREATE TABLE stock (place text, id int, n int, PRIMARY KEY (place, id))")
	p.write("")
	text := fmt.Sprintf(bothWays, p.listen, p.source.URL(), p.target.URL(), p.target.URL(), p.source.URL())
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.launch()
	p.streams()
	drain := func() {
		t.Helper()
		for _, pipeline := range []string{"there", "back", "there", "back"} {
			p.tailrace("wait", "-pipeline", pipeline, "-timeout", "60s", "-url", "http://"+p.listen)
		}
	}
	for round := range 5 {
		for name, s := range map[string]*testenv.PostgresServer{"old": p.source, "new": p.target} {
			s.Exec(t, fmt.Sprintf("INSERT INTO stock SELECT '%s', i, 0 FROM generate_series(%d, %d) i", name, 1000*round+1000, 1000*round+1100),
				fmt.Sprintf("UPDATE stock SET n = n + 1 WHERE place = '%s'", name),
				fmt.Sprintf("DELETE FROM stock WHERE place = '%s' AND id %% 7 = %d", name, round))
		}
		if round == 2 {
			p.daemon.kill()
			p.launch()
			p.streams()
		}
	}
	drain()
	p.same("stock")
	p.tailrace("verify", "-fast", p.file)
}
