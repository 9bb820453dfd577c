package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// A key that the server does not publish, through the real binary: refused before the start and while it runs, and right
// in the replica after what the fixes say.
func TestGeneratedKey(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.SharedPostgres(t, testenv.Oldest)
	const source, replica = "generated_key", "generated_key_replica"
	for _, database := range []string{source, replica} {
		server.Exec(t, "CREATE DATABASE "+database)
	}
	server.ExecIn(t, source, "CREATE TABLE z (a int, k int GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY, b text)",
		"INSERT INTO z (a, b) SELECT g, 'v' || g FROM generate_series(1, 6) g",
		"CREATE TABLE y (id int PRIMARY KEY, k int NOT NULL GENERATED ALWAYS AS (id % 2) STORED, b text)",
		"INSERT INTO y (id, b) VALUES (1, 'one'), (2, 'two')")
	block, address := "", unusedAddress(t)
	file := func() string {
		return place(t, "generated.hcl", fmt.Sprintf(`
daemon { listen = %q }
pipeline %q {
  source "postgres" {
    url    = %q
    tables = ["public.*"]
    %s
  }
  sink "postgres" "copy" {
    url = %q
  }
}
`, address, source, server.URL(source), block, server.URL(replica)))
	}
	same := func(d *daemonProcess) {
		t.Helper()
		tailrace(t, "wait", "-pipeline", source, "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
		for _, rows := range []string{
			"SELECT string_agg(a || ':' || k || ':' || b, ' ' ORDER BY a) FROM z", "SELECT string_agg(id || ':' || b, ' ' ORDER BY id) FROM y",
		} {
			if got, want := server.Query(t, replica, rows), server.Query(t, source, rows); got != want {
				t.Errorf("the replica has %s, the source %s", got, want)
			}
		}
	}
	halts := func(d *daemonProcess, words string) string {
		t.Helper()
		var body string
		eventually(t, func() bool {
			body, _ = d.get("/api/v1/pipelines/" + source)
			return strings.Contains(body, `"key_not_published"`) && strings.Contains(body, words)
		})
		return body
	}

	var said result
	for _, verb := range [][]string{{"check"}, {"run", "-strict"}} {
		said = tailrace(t, append(verb, file())...)
		if said.code != 2 || !strings.Contains(said.err, "key_not_published: the stream of public.z lacks k of its primary key") {
			t.Fatalf("%v: exit code %d: %s", verb, said.code, said.err)
		}
	}
	server.ExecIn(t, source, regexp.MustCompile(`ALTER TABLE .*;`).FindString(said.err))
	block = regexp.MustCompile(`table "public.z" {.*}`).FindString(said.err)
	block = strings.Replace(strings.Replace(block, "{", "{\n", 1), "}", "\n}", 1)
	tailrace(t, "check", file()).expect(t, 0, "ok: 1 pipeline", "")
	path := file()
	d := startDaemon(t, nil, address, path)
	server.ExecIn(t, source, "UPDATE z SET b = 'changed' WHERE a = 4", "DELETE FROM z WHERE a = 5", "UPDATE z SET a = 9 WHERE a = 1")
	same(d)

	server.ExecIn(t, source, "ALTER TABLE y DROP CONSTRAINT y_pkey", "ALTER TABLE y ADD PRIMARY KEY (k)", "DELETE FROM y WHERE id = 1")
	halts(d, "public.y")
	server.ExecIn(t, source, "ALTER TABLE y DROP CONSTRAINT y_pkey", "ALTER TABLE y ADD PRIMARY KEY (id)")
	if code := d.stop(t); code != 0 {
		t.Fatalf("exit code %d: %s", code, &d.log)
	}
	d = startDaemon(t, nil, address, path)
	body := halts(d, "a row of public.y arrived without k of its key")
	if got := server.Query(t, replica, "SELECT count(*) FROM y"); got != "2" {
		t.Errorf("the replica has %s rows of y, and had 2", got)
	}
	if code := d.stop(t); code != 0 {
		t.Fatalf("exit code %d: %s", code, &d.log)
	}
	pasted(t, nil, body, "drop").expect(t, 0, "removed:", "")
	server.ExecIn(t, replica, "DROP TABLE y, z")
	d = startDaemon(t, nil, address, path)
	same(d)
	if code := d.stop(t); code != 0 {
		t.Fatalf("exit code %d: %s", code, &d.log)
	}
}
