package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/admin"
	"github.com/tailrace/tailrace/internal/tail"
	"github.com/tailrace/tailrace/internal/testenv"
)

const tailFile = `
daemon {
  listen = env("LISTEN")
  token  = env("TOKEN")
}
pipeline "shop" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.orders"]
  }
  mask "public.orders" {
    columns = { email = "hidden" }
  }
  sink "kafka" "bus" {
    brokers     = split(",", env("BROKERS"))
    topic       = "shop.${table.name}"
    dead_letter = "shop.rejected"
    create_topics {
      names      = ["shop.placed"]
      partitions = 1
    }
    mask "public.orders" {
      columns = { phone = null }
    }
    event "OrderPlaced" {
      table   = "public.orders"
      when    = op == "insert" && row.note != null
      topic   = row.topic
      key     = row.id
      headers = { from = "tail" }
      data    = { order = row.id, note = row.note }
    }
    changes {
      tables = "public.orders"
    }
  }
  sink "postgres" "copy" {
    url = env("TARGET_URL")
  }
}
`

const tailToken = "a token of this test"

// openTail runs tailFile. Its pipeline has the name of the database.
func openTail(t *testing.T) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("needs servers")
	}
	s := &site{T: t, postgres: testenv.SharedPostgres(t, testenv.Newest), kafka: testenv.SharedKafka(t)}
	s.database = testenv.NewDatabase(t, s.postgres)
	s.name = s.database
	s.exec("CREATE TABLE orders (id int PRIMARY KEY, topic text, note text, email text, phone text)")
	s.file = place(t, "tail.hcl", strings.ReplaceAll(strings.ReplaceAll(tailFile, `"shop.`, `"`+s.name+"."), `"shop"`, `"`+s.name+`"`))
	s.env = []string{
		"DATABASE_URL=" + s.postgres.URL(s.database), "BROKERS=" + strings.Join(s.kafka.Brokers(), ","), "LISTEN=" + unusedAddress(t),
		"TARGET_URL=" + s.postgres.URL(testenv.NewDatabase(t, s.postgres)), "TOKEN=" + tailToken,
	}
	s.start()
	return s
}

// order returns the statement that inserts an order. Only the replica gets the phone, and no sink the email.
func (s *site) order(id int, topic, note string) string {
	return fmt.Sprintf("INSERT INTO orders VALUES (%d, '%s', %s, 'canary-email', 'canary-phone')", id, topic, note)
}

// tails runs `tailrace tail -json -follow=false` and returns what it prints, and its events by sink.
func (s *site) tails(flags ...string) (out string, bySink map[string][]*tail.Event) {
	s.Helper()
	r := tailraceWith(s.T, s.env, "", append([]string{"tail", "-pipeline", s.name, "-json", "-follow=false", s.file}, flags...)...)
	if r.code != 0 || r.err != "" {
		s.Fatalf("exit code %d: %s", r.code, r.err)
	}
	bySink = map[string][]*tail.Event{}
	for line := range strings.Lines(r.out) {
		var l admin.TailLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			s.Fatalf("%v: %s", err, line)
		}
		if l.Event != nil {
			bySink[l.Event.Sink] = append(bySink[l.Event.Sink], l.Event)
		}
	}
	return r.out, bySink
}

// TestTail runs two sinks on real servers: what each publishes is shown, and nothing that is masked.
func TestTail(t *testing.T) {
	s := openTail(t)
	s.exec(s.order(1, s.name+".placed", `E'red \x1b[31m \u009b'`), s.order(2, "not a topic", "'rejected'"), s.order(3, "", "NULL"),
		"UPDATE orders SET note = 'new' WHERE id = 3")
	s.waits()
	s.showsWhatIsPublished()
	s.refusesWithoutTheToken()
	s.isStandby()
	s.follows()
	s.losesEventsInsteadOfWaiting()
	s.endsWithTheDaemon()
}

func (s *site) showsWhatIsPublished() {
	s.Helper()
	out, events := s.tails("-n", "20")
	if strings.Contains(out, "canary-email") || strings.ContainsAny(out, "\x1b\u009b") {
		s.Errorf("a masked value or a control character: %q", out)
	}
	var got []string
	for _, e := range events["bus"] {
		line := fmt.Sprintf("%s %s %s", strings.TrimPrefix(e.Topic, s.name+"."), e.Type, e.Data)
		if e.Rejected != nil {
			line += " rejected " + e.Rejected.Reason
		}
		if e.LSN == "" || e.Time == nil || e.Key == nil || e.ID == "" || e.Op == "" || e.Table != "public.orders" {
			s.Errorf("%s lacks something: %+v", line, e)
		}
		got = append(got, line)
	}
	want := []string{
		`placed OrderPlaced {"order":1,"note":"red \u001b[31m \u009b"}`,
		`orders public.orders.insert {"op":"insert","row":{"id":1,"topic":"` + s.name + `.placed","note":"red \u001b[31m \u009b","email":"hidden","phone":null}}`,
		`not a topic OrderPlaced {"order":2,"note":"rejected"} rejected topic_name`,
		`orders public.orders.insert {"op":"insert","row":{"id":2,"topic":"not a topic","note":"rejected","email":"hidden","phone":null}}`,
		`orders public.orders.insert {"op":"insert","row":{"id":3,"topic":"","note":null,"email":"hidden","phone":null}}`,
		`orders public.orders.update {"op":"update","row":{"id":3,"topic":"","note":"new","email":"hidden","phone":null}}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(got) == 0 {
		s.Fatal("no event")
	}
	if h := events["bus"][0].Headers["from"]; h == nil || *h != "tail" {
		s.Errorf("headers: %v", events["bus"][0].Headers)
	}
	copied := events["copy"]
	if len(copied) != 4 || !strings.Contains(string(copied[3].Data), `"phone":"canary-phone"`) || copied[3].Topic != "" {
		s.Errorf("the replica: %s", out)
	}
	if out, events := s.tails("-sink", "bus", "-n", "1"); len(events) != 1 || len(events["bus"]) != 1 || strings.Contains(out, "canary") {
		s.Errorf("of one sink: %s", out)
	}
	r := tailraceWith(s.T, s.env, "", "tail", "-pipeline", s.name, "-sink", "bus", "-follow=false", s.file)
	r.expect(s.T, 0, "rejected, topic_name: ", "")
	if r.expect(s.T, 0, "OrderPlaced (insert public.orders)  topic "+s.name+".placed  key 1  at ", ""); strings.ContainsAny(r.out, "\x1b\u009b") {
		s.Errorf("control characters: %q", r.out)
	}
	tailraceWith(s.T, s.env, "", "tail", "-pipeline", s.name, "-sink", "buss", s.file).expect(s.T, 2, "", `has no sink "buss"`)
}

func (s *site) refusesWithoutTheToken() {
	s.Helper()
	args := []string{"tail", "-pipeline", s.name, "-follow=false", "-url", s.daemon.url}
	tailrace(s.T, args...).expect(s.T, 2, "", "set TAILRACE_TOKEN")
	tailraceWith(s.T, []string{tokenVariable + "=wrong"}, "", args...).expect(s.T, 2, "", "the token is missing or wrong")
	tailraceWith(s.T, []string{tokenVariable + "=" + tailToken}, "", args...).expect(s.T, 0, "OrderPlaced", "")
	body, err := s.daemon.get("/api/v1/pipelines/" + s.name + "/tail")
	if err != nil || !strings.Contains(body, "the token is missing") || strings.Contains(body, "OrderPlaced") {
		s.Errorf("%v %s", err, body)
	}
}

// isStandby asks a second daemon of the pipeline.
func (s *site) isStandby() {
	s.Helper()
	address := unusedAddress(s.T)
	env := append([]string{"LISTEN=" + address}, s.env[:2]...)
	env = append(env, s.env[3:]...)
	d := startDaemon(s.T, env, address, s.file)
	eventually(s.T, func() bool {
		body, err := d.get("/api/v1/pipelines")
		return err == nil && strings.Contains(body, `"role": "standby"`)
	})
	tailraceWith(s.T, env, "", "tail", "-pipeline", s.name, "-follow=false", s.file).expect(s.T, 0, "", "another daemon is active")
	if code := d.stop(s.T); code != 0 {
		s.Errorf("exit code %d: %s", code, &d.log)
	}
}

// tailing starts a tail that follows. Nothing reads what it prints but the caller.
func (s *site) tailing(flags ...string) (*exec.Cmd, io.Reader, *bytes.Buffer) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s.Cleanup(cancel)
	cmd := process(ctx, s.env, append([]string{"tail", "-pipeline", s.name, "-json", "-sink", "bus", s.file}, flags...)...)
	out, err := cmd.StdoutPipe()
	var stderr bytes.Buffer
	if cmd.Stderr = &stderr; err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	return cmd, out, &stderr
}

func (s *site) follows() {
	s.Helper()
	cmd, out, stderr := s.tailing("-n", "1")
	lines := bufio.NewScanner(out)
	lines.Scan() // the last one until now
	s.exec(s.order(10, s.name+".placed", "'later'"))
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"note":"later"`) {
			break
		}
	}
	if !strings.Contains(lines.Text(), `"note":"later"`) {
		s.Errorf("it does not follow: %v %s", lines.Err(), stderr)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.Fatal(err)
	}
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		s.Errorf("Ctrl-C: %v %s", err, stderr)
	}
}

// losesEventsInsteadOfWaiting writes more than all buffers can have while nothing reads the output of a tail.
func (s *site) losesEventsInsteadOfWaiting() {
	s.Helper()
	cmd, out, stderr := s.tailing("-n", "1")
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	s.exec("INSERT INTO orders SELECT i, '', NULL, repeat('x', 500), 'canary-phone' FROM generate_series(100, 30000) i")
	s.exec(s.order(40_000, s.name+".placed", "'the end'"))
	s.waits()
	var shown, skipped int
	for lines.Scan() {
		var l admin.TailLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			s.Fatal(err)
		}
		skipped += int(l.Skipped)
		if l.Event != nil {
			shown++
		}
		if strings.Contains(lines.Text(), `"id":40000`) {
			break
		}
	}
	if total := 29_901 + 2; skipped == 0 || shown+skipped != total {
		s.Errorf("%d shown, %d skipped, of %d: %s", shown, skipped, total, stderr)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		s.Error(err)
	}
}

func (s *site) endsWithTheDaemon() {
	s.Helper()
	cmd, out, stderr := s.tailing("-n", "1")
	bufio.NewReader(out).ReadString('\n')
	began := time.Now()
	if code := s.daemon.stop(s.T); code != 0 || time.Since(began) > 10*time.Second {
		s.Errorf("exit code %d after %s: %s", code, time.Since(began), &s.daemon.log)
	}
	io.Copy(io.Discard, out)
	cmd.Wait() // its error is the exit code
	if code := cmd.ProcessState.ExitCode(); code != failed || !strings.Contains(stderr.String(), "the daemon is shutting down") {
		s.Errorf("exit code %d: %s", code, stderr)
	}
	if strings.Contains(s.daemon.log.String(), tailToken) || strings.Contains(s.daemon.log.String(), "canary") {
		s.Error("the log has the token or a value")
	}
}

func TestTailUsage(t *testing.T) {
	tailrace(t, "tail").expect(t, 2, "", "-pipeline is missing")
	tailrace(t, "tail", "-pipeline", "p", "-n", "129").expect(t, 2, "", "129 is not a number from 0 to 128")
	tailrace(t, "tail", "-pipeline", "p").expect(t, 2, "", "set TAILRACE_TOKEN")
	tailrace(t, "tail", "-h").expect(t, 0, "example:", "")
	env := []string{tokenVariable + "=x"}
	tailraceWith(t, env, "", "tail", "-pipeline", "p", "-url", "x").expect(t, 2, "", "is not a URL")
	tailraceWith(t, env, "", "tail", "-pipeline", "p", "-url", "http://127.0.0.1:1").expect(t, 1, "", "no daemon answers")
	tailraceWith(t, env, "", "tail", "-pipeline", "orders", "-follow=false", "-url", serve(t, &moving{})).
		expect(t, 2, "", "daemon.token is not set")
}

func TestURLOfAListenAddress(t *testing.T) {
	for listen, want := range map[string]string{
		"": defaultURL, "127.0.0.1:9187": defaultURL, ":80": "http://127.0.0.1:80", "0.0.0.0:80": "http://127.0.0.1:80",
		"[::]:80": "http://127.0.0.1:80", "[::1]:80": "http://[::1]:80", "tailrace.internal:80": "http://tailrace.internal:80",
	} {
		if got := urlOf(listen); got != want {
			t.Errorf("%q: %s, want %s", listen, got, want)
		}
	}
}
