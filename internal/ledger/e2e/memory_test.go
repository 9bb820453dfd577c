package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/internal/testenv"
)

// bound is the limit for the resident size of a daemon with a window of 64 MiB, at any time.
const bound = 200e6

const memoryFile = `
daemon { listen = %q }

pipeline "memory" {
  window = "64MiB"
  source "postgres" {
    url    = %q
    tables = ["public.big"]
    snapshot { mode = "never" }
  }
  sink "kafka" "bus" {
    brokers = ["%s"]
    format  = "json"
    topic   = "big"
    create_topics { partitions = 1 }
  }
}
`

// TestMemory checks that the window limits memory, whatever the size of a transaction or a row. A transaction of two million
// rows arrives completely; a row of 50 MB, which the broker rejects, halts the pipeline with a named state.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	const rows = 2_000_000
	pg := testenv.Postgres(t, testenv.Version(testenv.Newest))
	kafka := testenv.SharedKafka(t)
	m := &memory{t: t, listen: freeAddress(t), conn: connect(t, pg)}
	m.exec(`CREATE TABLE big (id bigint PRIMARY KEY, note text)`)
	m.run(build(t).binary, fmt.Sprintf(memoryFile, m.listen, pg.URL(), strings.Join(kafka.Brokers(), `", "`)))
	m.until("streaming", func() bool { return m.strict() == http.StatusOK })

	m.exec(fmt.Sprintf(`INSERT INTO big SELECT i, 'the note of row ' || i FROM generate_series(1, %d) i`, rows))
	m.wait()
	if n := records(t, kafka.Brokers(), "big"); n != rows {
		t.Errorf("%d records of %d rows", n, rows)
	}
	m.within("a transaction of 2,000,000 rows")

	m.exec(`INSERT INTO big SELECT 0, string_agg(md5(i::text), '') FROM generate_series(1, 50000000 / 32) i`)
	m.until("halted", func() bool { return m.strict() != http.StatusOK && bytes.Contains(m.body, []byte(`"rejected"`)) })
	for _, part := range []string{"public.big", `{\"id\":0}`, "too_large"} {
		if !bytes.Contains(m.body, []byte(part)) {
			t.Errorf("the state does not say %s: %s", part, m.body)
		}
	}
	m.within("a row of 50 MB")
	if code, err := m.daemon.terminate(10 * time.Second); code != 0 || err != nil {
		t.Errorf("SIGTERM: exit code %d, %v\n%s", code, err, m.daemon.logTail())
	}
}

// memory is a daemon whose memory is monitored.
type memory struct {
	t      *testing.T
	listen string
	conn   *pgx.Conn
	binary string
	daemon *daemon
	body   []byte // of the last answer
}

func connect(t *testing.T, pg *testenv.PostgresServer) *pgx.Conn {
	conn, err := pgx.Connect(t.Context(), pg.URL())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (m *memory) exec(sql string) {
	m.t.Helper()
	if _, err := m.conn.Exec(m.t.Context(), sql); err != nil {
		m.t.Fatal(err)
	}
}

func (m *memory) run(binary, text string) {
	dir := m.t.TempDir()
	file := filepath.Join(dir, "memory.hcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	d, err := startDaemon(filepath.Join(dir, "daemon.log"), 1, exec.Command(binary, "run", file))
	if err != nil {
		m.t.Fatal(err)
	}
	m.binary, m.daemon = binary, d
	m.t.Cleanup(d.kill)
}

// strict returns the status code of /readyz?strict, 0 if the daemon does not answer; body holds the answer.
func (m *memory) strict() int {
	answer, err := http.Get("http://" + m.listen + "/readyz?strict")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&raw); err != nil {
		return 0
	}
	m.body = raw
	return answer.StatusCode
}

func (m *memory) until(what string, ok func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if !m.daemon.running() || time.Now().After(deadline) {
			m.t.Fatalf("not %s: %s\n%s", what, m.body, m.daemon.logTail())
		}
	}
}

func (m *memory) wait() {
	m.t.Helper()
	out, err := exec.Command(m.binary, "wait", "-pipeline", "memory", "-timeout", "120s", "-url", "http://"+m.listen).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tailrace wait: %v\n%s\n%s", err, out, m.daemon.logTail())
	}
}

// within checks the highest resident size so far.
func (m *memory) within(what string) {
	m.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.daemon.cmd.Process.Pid))
	if err != nil {
		m.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Logf("%s: at most %d MB resident", what, n<<10/1e6)
	if n<<10 > bound && os.Getenv("TAILRACE_RACE") == "" {
		m.t.Errorf("%s: %d MB resident, the bound is %d", what, n<<10/1e6, int(bound/1e6))
	}
}

// records returns the number of records in a topic of one partition.
func records(t *testing.T, brokers []string, topic string) int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Timestamp = -1
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic, of.Partitions = topic, append(of.Partitions, partition)
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID, request.Topics = -1, append(request.Topics, of)
	answer, err := request.RequestWith(t.Context(), client)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer.Topics[0].Partitions[0].Offset
}
