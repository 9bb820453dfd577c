package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestAggregateExample runs examples/aggregate: what the application does gives the events of events.txt, and the tables stand the
// live check.
func TestAggregateExample(t *testing.T) {
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			folder := examples + "/aggregate/"
			s := openSite(t, version, read(t, folder+"orders.hcl"), read(t, folder+"orders.sql"))
			tailraceWith(t, s.env, "", "check", s.file).expect(t, 0, "checked live", "")
			s.exec(read(t, folder+"shop.sql"))
			s.waits()
			var got strings.Builder
			for _, e := range s.events("orders") {
				got.WriteString(withoutPlace(e) + "\n")
			}
			if d := cmp.Diff(read(t, folder+"events.txt"), got.String()); d != "" {
				t.Errorf("(- events.txt, + got)\n%s", d)
			}
			if code := s.daemon.stop(t); code != 0 {
				t.Errorf("exit code %d: %s", code, &s.daemon.log)
			}
		})
	}
}
