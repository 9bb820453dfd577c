package testenv

import (
	"os"
	"sync"
	"testing"
)

// shared holds the servers that all tests of one test binary use. Main stops them.
var shared struct {
	sync.Mutex
	postgres map[int]*PostgresServer
	kafka    *KafkaServer
	proxied  *KafkaServer
	main     bool
}

// Main runs the tests of a package whose tests share servers, and then stops those. Call it as the only statement of
// TestMain.
func Main(m *testing.M) {
	shared.main = true
	code := m.Run()
	for _, s := range shared.postgres {
		s.Close()
	}
	for _, s := range []*KafkaServer{shared.kafka, shared.proxied} {
		if s != nil {
			s.Close()
		}
	}
	removeTailrace()
	os.Exit(code)
}

// SharedPostgres returns the package's server of a major version with the default settings, started on first use. Create a
// NewDatabase for each test, and do not stop the server. The package's TestMain calls Main.
func SharedPostgres(t testing.TB, version int) *PostgresServer {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	needMain(t)
	if s := shared.postgres[version]; s != nil {
		return s
	}
	s, err := StartPostgres(Version(version), Setting("max_connections", "200"), Setting("max_wal_senders", "100"),
		Setting("max_replication_slots", "100"))
	if err != nil {
		t.Fatalf("testenv: %v\n(`make test-deps` installs what tests need)", err)
	}
	if shared.postgres == nil {
		shared.postgres = map[int]*PostgresServer{}
	}
	shared.postgres[version] = s
	return s
}

// SharedKafka returns the package's cluster of one node with the default settings, started on first use. Create a NewTopic
// for each test, and do not stop the cluster. The package's TestMain calls Main.
func SharedKafka(t testing.TB) *KafkaServer {
	t.Helper()
	return sharedKafka(t, &shared.kafka)
}

// SharedProxiedKafka is like SharedKafka, with a proxy before the node, for tests that do not run in parallel. They may also
// restart the cluster. When the test ends, the proxy is healed; a cluster that is down then ends with it, and the next test
// gets another one.
func SharedProxiedKafka(t testing.TB) *KafkaServer {
	t.Helper()
	s := sharedKafka(t, &shared.proxied, Proxied())
	t.Cleanup(func() {
		if err := s.Nodes[0].Proxy.Heal(); err != nil || !s.Nodes[0].process.Running() {
			s.Close()
			shared.Lock()
			defer shared.Unlock()
			shared.proxied = nil
		}
	})
	return s
}

// sharedKafka returns the cluster at s, which it starts on first use.
func sharedKafka(t testing.TB, s **KafkaServer, options ...KafkaOption) *KafkaServer {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	needMain(t)
	if *s == nil {
		started, err := StartKafka(options...)
		if err != nil {
			t.Fatalf("testenv: %v\n(`make test-deps` installs what tests need)", err)
		}
		*s = started
	}
	return *s
}

func needMain(t testing.TB) {
	t.Helper()
	if !shared.main {
		t.Fatal("testenv: shared servers need `func TestMain(m *testing.M) { testenv.Main(m) }` in the package")
	}
}
