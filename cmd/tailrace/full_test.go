package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestFullExample runs the example of the language (testdata/full/shop.hcl tells what is left out) on real servers: every topic and
// every table of the replica has what events.txt says.
func TestFullExample(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	const folder = "testdata/full/"
	server := testenv.SharedPostgres(t, testenv.Newest)
	reporting := testenv.NewDatabase(t, server)
	s := newSite(t, testenv.Newest, read(t, folder+"shop.hcl"), read(t, folder+"shop.sql"))
	s.env = append(s.env, "REPORTING_URL="+server.URL(reporting), "TOKEN_FILE="+place(t, "token", "a token\n"), "MASK_KEY=canary-key")
	s.start()
	tailraceWith(t, s.env, "", "check", s.file).expect(t, 0, "checked live", "")
	before, after, _ := strings.Cut(read(t, folder+"writes.sql"), "-- The daemon is killed here.\n")
	s.exec(before)
	s.waits()
	if err := s.daemon.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.daemon.cmd.Wait() // its error is that it was killed
	s.exec(after)
	s.start()

	var got strings.Builder
	for _, topic := range []string{"orders.events", "outbox.order", "messages"} {
		fmt.Fprintf(&got, "topic %s\n", topic)
		for _, e := range s.events(topic) {
			fmt.Fprintf(&got, "  %s\n", withoutChance(e))
		}
	}
	const tables = "SELECT string_agg(quote_ident(table_name), ' ' ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'orders'"
	for _, table := range strings.Fields(server.Query(t, reporting, tables)) {
		fmt.Fprintf(&got, "replica %s\n", table)
		rows := server.Query(t, reporting, fmt.Sprintf(
			"SELECT coalesce(string_agg('  ' || row_to_json(r)::text, e'\n' ORDER BY id), '  none') FROM orders.%s r", table))
		fmt.Fprintln(&got, withoutChance(rows))
	}
	for _, secret := range []string{"secret", "Secret", "example.com", "123456", "canary-key", "wrong", "a token"} {
		if strings.Contains(got.String(), secret) || strings.Contains(s.daemon.log.String(), secret) {
			t.Errorf("the output or the log has %q", secret)
		}
	}
	if code := s.daemon.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &s.daemon.log)
	}
	golden(t, folder+"events.txt", got.String())
}

var (
	positionID = regexp.MustCompile(`ce_id=shop/[0-9a-f]{8}/[0-9A-F]+/[0-9A-F]+/`)
	commitTime = regexp.MustCompile(`"paid_at":"[^"]+Z"`)
)

// withoutChance leaves out what differs between runs.
func withoutChance(text string) string {
	text = positionID.ReplaceAllString(text, "ce_id=POSITION/")
	return hashedText.ReplaceAllString(commitTime.ReplaceAllString(text, `"paid_at":"TIME"`), `"HMAC"`)
}
