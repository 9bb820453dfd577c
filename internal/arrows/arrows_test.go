// Package arrows holds the repository to its shape: which package may import which. The rules are those of
// docs/architecture.md; .golangci.yml has the main ones again, for editors.
package arrows

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tailrace/tailrace/"

// rules says what of ours a package's code may import, its own folder and what is below it aside. The first pattern that
// fits counts; /... stands for a package and everything below it, /* for one folder. A rule for one package holds inside its
// adapter too: without one, the packages of an adapter may import each other. Tests may import what they like.
var rules = []struct {
	packages string
	imports  []string
}{
	{"bench/...", []string{"..."}},
	{"cache/...", nil},
	{"capture", nil},
	{"capture/capturetest", []string{"capture"}},
	{"capture/postgres/conn", []string{"internal/bufpool"}},
	{"capture/postgres/decode", []string{
		"capture", "capture/postgres/pgoutput", "capture/postgres/problem", "internal/bufpool", "internal/pgconnect",
	}},
	{"capture/postgres/joined", []string{"capture", "capture/postgres/problem", "capture/postgres/publication", "internal/pgconnect"}},
	{"capture/postgres/pgoutput", []string{"capture"}},
	{"capture/postgres/problem", []string{"capture", "internal/pgconnect"}},
	{"capture/postgres/publication", []string{"capture", "capture/postgres/problem", "capture/postgres/slot", "internal/pgconnect"}},
	{"capture/postgres/rowfilter", []string{"capture", "config", "transform/expr", "transform/rules"}},
	{"capture/postgres/slot", []string{"capture", "capture/postgres/problem", "internal/pgconnect"}},
	{"capture/postgres/snapshot", []string{
		"capture", "capture/postgres/decode", "capture/postgres/problem", "capture/postgres/publication", "internal/pgconnect",
	}},
	{"capture/postgres/trees", []string{
		"capture", "capture/postgres/problem", "capture/postgres/publication", "capture/postgres/slot", "internal/pgconnect",
	}},
	{"capture/...", []string{"capture", "config", "internal/bufpool", "internal/pgconnect"}},
	{"cmd/demo/...", []string{"..."}},
	{"cmd/tailrace/...", []string{"capture/*", "config", "config/spelling", "internal/admin", "internal/daemon", "internal/eventtest/...", "internal/explain", "internal/pipeline", "internal/replica/*", "sink/*", "transform/..."}},
	{"config", nil},
	{"config/functions", nil},
	{"config/redact", []string{"config/spelling"}},
	{"config/spelling", nil},
	{"config/syntax", nil},
	{"config/budget", nil},
	{"examples/...", []string{"cache/..."}},
	{"internal/bufpool", nil},
	{"internal/cachemodel", nil},
	{"internal/admin/...", []string{"capture", "internal/pipeline", "internal/tail", "sink"}},
	{"internal/cachecheck", []string{"cache/..."}},
	{"internal/daemon/...", []string{"capture", "config", "internal/admin", "internal/eventview", "internal/pipeline", "internal/pipeline/startrule", "internal/tail", "sink", "transform", "transform/trace"}},
	{"internal/eventtest", []string{"capture", "config"}},
	{"internal/eventtest/preview", []string{"capture", "config", "internal/daemon", "internal/eventview", "sink", "transform", "transform/rules"}},
	{"internal/eventtest/shape", []string{"capture", "capture/postgres/decode", "config"}},
	{"internal/eventview", []string{"capture", "config", "sink", "sink/format/...", "transform"}},
	{"internal/explain", []string{"capture", "config", "internal/eventtest/...", "internal/pgconnect", "transform", "transform/expr", "transform/rules"}},
	{"internal/kafkaconnect", []string{"capture", "config", "internal/tlsconfig"}},
	{"internal/ledger/workload", nil},
	{"internal/ledger/...", []string{"capture", "internal/testenv", "sink", "transform"}},
	{"internal/manual", []string{"config"}},
	{"internal/pgconnect", []string{"capture"}},
	{"internal/pipeline/...", []string{"capture", "sink", "transform"}},
	{"internal/replica/indexes", []string{"internal/pgconnect", "internal/replica/verify"}},
	{"internal/replica/sequences", []string{"internal/pgconnect", "internal/replica/verify"}},
	{"internal/replica/verify", []string{"capture", "internal/pgconnect"}},
	{"internal/tail", []string{"capture", "internal/eventview", "sink", "transform"}},
	{"internal/testenv/folder", nil},
	{"internal/testenv/install", []string{"internal/testenv/ports"}},
	{"internal/testenv/ports", nil},
	{"internal/testenv/process", nil},
	{"internal/testenv/proxy", []string{"internal/testenv/ports", "internal/testenv/process"}},
	{"internal/testenv/...", []string{"internal/testenv"}},
	{"internal/tlsconfig", []string{"config"}},
	{"sink", []string{"capture", "transform"}},
	{"sink/sinktest", []string{"capture", "internal/testenv", "sink", "transform"}},
	{"sink/kafka/fencing", []string{"capture", "internal/kafkaconnect", "sink", "sink/kafka/topics"}},
	{"sink/kafka/progress", []string{"capture", "internal/kafkaconnect", "sink", "sink/kafka/fencing", "sink/kafka/topics"}},
	{"sink/kafka/topics", []string{"capture", "internal/kafkaconnect", "sink/kafka/wire"}},
	{"sink/kafka/wire", []string{"internal/bufpool", "transform"}},
	{"sink/kafka/...", []string{"capture", "config", "internal/bufpool", "internal/kafkaconnect", "sink", "sink/format/...", "transform", "transform/expr", "transform/jsonvalue"}},
	{"sink/postgres", []string{"capture", "config", "internal/pgconnect", "sink", "transform"}},
	{"sink/postgres/arena", nil},
	{"sink/postgres/dml", []string{"capture", "internal/pgconnect", "sink", "sink/postgres/arena", "sink/postgres/target"}},
	{"sink/postgres/queue", []string{"capture", "sink", "sink/postgres/arena", "transform"}},
	{"sink/postgres/target", []string{"capture", "internal/pgconnect"}},
	{"sink/redis", []string{"cache/protocol", "capture", "config", "internal/tlsconfig", "sink", "transform"}},
	{"sink/...", []string{"capture", "config", "internal/bufpool", "sink", "sink/format/...", "transform", "transform/expr", "transform/jsonvalue", "transform/trace"}},
	{"transform", []string{"capture"}},
	{"transform/expr", []string{"capture", "config", "transform/jsonvalue"}},
	{"transform/expr/decimal", nil},
	{"transform/expr/eval", []string{"capture", "transform/expr/decimal", "transform/expr/jsontext", "transform/expr/pgtime", "transform/jsonvalue"}},
	{"transform/expr/functions", []string{"transform/expr/decimal", "transform/expr/eval", "transform/expr/pgtime", "transform/jsonvalue"}},
	{"transform/expr/jsontext", nil},
	{"transform/expr/pgtime", nil},
	{"transform/jsonvalue", []string{"capture"}},
	{"transform/...", []string{
		"capture", "config", "transform", "transform/cachekey", "transform/envelope", "transform/expr", "transform/headers", "transform/jsonvalue", "transform/rules", "transform/trace",
	}},
}

// standardOnly are the packages that import nothing but the standard library: everything else speaks their words.
var standardOnly = []string{"capture", "sink", "transform"}

func TestImportsFollowTheArrows(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...")
	list.Stderr = t.Output()
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		importer := strings.TrimPrefix(fields[0], module)
		for _, imported := range fields[1:] {
			if why := wrong(importer, imported); why != "" {
				t.Errorf("%s imports %s: %s", importer, imported, why)
			}
		}
	}
	if !strings.Contains(string(out), module+"capture ") {
		t.Errorf("go list does not know package capture:\n%s", out)
	}
}

// wrong says why a package must not import another, "" when it may.
func wrong(importer, imported string) string {
	ours, isOurs := strings.CutPrefix(imported, module)
	if !isOurs {
		if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") && slices.Contains(standardOnly, importer) {
			return "it imports the standard library only"
		}
		return ""
	}
	for _, rule := range rules {
		if !fits(rule.packages, importer) {
			continue
		}
		allowed := slices.ContainsFunc(rule.imports, func(p string) bool { return fits(p, ours) })
		if allowed || strings.HasPrefix(ours, importer+"/") || rule.packages != importer && sameAdapter(importer, ours) {
			return ""
		}
		return "the arrows of rule " + rule.packages + " do not lead there"
	}
	return "the importer is in no rule of internal/arrows"
}

// sameAdapter reports whether both packages belong to one adapter, such as capture/postgres and capture/postgres/pgoutput.
func sameAdapter(a, b string) bool {
	as, bs := strings.SplitN(a, "/", 3), strings.SplitN(b, "/", 3)
	return len(as) > 1 && len(bs) > 1 && as[0] == bs[0] && as[1] == bs[1]
}

func fits(pattern, name string) bool {
	if tree, isTree := strings.CutSuffix(pattern, "..."); isTree {
		return strings.HasPrefix(name+"/", tree)
	}
	matched, _ := path.Match(pattern, name)
	return matched || strings.TrimSuffix(pattern, "/*") == name
}

// TestWrongImportsAreSeen keeps the rules from becoming so wide that they forbid nothing.
func TestWrongImportsAreSeen(t *testing.T) {
	for _, c := range []struct {
		importer, imported string
		wrong              bool
	}{
		{"cache", "github.com/redis/go-redis/v9", false},
		{"cache", module + "capture", true},
		{"cache", module + "internal/pipeline", true},
		{"cache", module + "sink/redis", true},
		{"capture", "encoding/binary", false},
		{"capture", "go.uber.org/zap", true},
		{"capture", module + "transform", true},
		{"capture/postgres", module + "capture", false},
		{"capture/postgres", module + "capture/kafka", true},
		{"capture/postgres", module + "capture/postgres/pgoutput", false},
		{"capture/postgres", module + "internal/pipeline", true},
		{"capture/postgres/pgoutput", module + "capture/kafka", true},
		{"capture/postgres", module + "capture/postgres/conn", false},
		{"capture/postgres/conn", module + "internal/bufpool", false},
		{"capture/postgres/conn", module + "capture", true},
		{"capture/postgres/conn", module + "capture/postgres", true},
		{"capture/postgres/conn", module + "capture/postgres/pgoutput", true},
		{"capture/postgres", module + "capture/postgres/slot", false},
		{"capture/postgres/pgoutput", module + "capture/postgres/decode", true},
		{"capture/postgres/problem", module + "capture/postgres", true},
		{"capture/postgres/decode", module + "capture/postgres/pgoutput", false},
		{"capture/postgres/decode", module + "capture/postgres/publication", true},
		{"capture/postgres/publication", module + "capture/postgres/decode", true},
		{"capture/postgres/publication", module + "capture/postgres/slot", false},
		{"capture/postgres/publication", module + "capture/postgres", true},
		{"capture/postgres/publication", module + "capture/postgres/joined", true},
		{"capture/postgres/joined", module + "capture/postgres/publication", false},
		{"capture/postgres/joined", module + "capture/postgres/slot", true},
		{"capture/postgres/joined", module + "capture/postgres", true},
		{"capture/postgres", module + "capture/postgres/joined", false},
		{"cmd/tailrace", module + "capture/postgres/joined", true},
		{"capture/postgres/trees", module + "capture/postgres/publication", false},
		{"capture/postgres/trees", module + "capture/postgres/joined", true},
		{"capture/postgres/trees", module + "capture/postgres", true},
		{"capture/postgres/publication", module + "capture/postgres/trees", true},
		{"capture/postgres/slot", module + "capture/postgres/problem", false},
		{"capture/postgres/snapshot", module + "capture/postgres/decode", false},
		{"capture/postgres/snapshot", module + "capture/postgres/slot", true},
		{"capture/postgres/decode", module + "capture/postgres/snapshot", true},
		{"capture/postgres/slot", module + "capture/postgres/publication", true},
		{"capture/postgres/slot", module + "capture/postgres/pgoutput", true},
		{"cmd/tailrace", module + "internal/testenv", true},
		{"cmd/tailrace", module + "sink", false},
		{"cmd/tailrace", module + "sink/kafka", false},
		{"config", "github.com/hashicorp/hcl/v2", false},
		{"config", module + "capture", true},
		{"config", module + "config/syntax", false},
		{"config/redact", module + "config/spelling", false},
		{"config/redact", module + "config", true},
		{"config/syntax", module + "config", true},
		{"capture/postgres", module + "config/syntax", true},
		{"internal/daemon", module + "sink/kafka", true},
		{"internal/kafkaconnect", module + "sink", true},
		{"internal/ledger", module + "internal/ledger/workload", false},
		{"internal/ledger/workload", module + "internal/ledger", true},
		{"internal/new", module + "capture", true},
		{"internal/pipeline", module + "internal/daemon", true},
		{"internal/pipeline", module + "sink/kafka", true},
		{"internal/testenv", module + "internal/testenv/install", false},
		{"internal/testenv", module + "internal/testenv/process", false},
		{"internal/testenv/folder", module + "internal/testenv/process", true},
		{"internal/testenv/install", module + "internal/testenv", true},
		{"internal/testenv/install", module + "internal/testenv/ports", false},
		{"internal/testenv/ports", module + "internal/testenv/process", true},
		{"internal/testenv/process", module + "internal/testenv", true},
		{"internal/testenv/proxy", module + "internal/testenv/ports", false},
		{"internal/testenv/proxy", module + "internal/testenv", true},
		{"sink/kafka", module + "sink/format", false},
		{"sink/kafka", module + "internal/kafkaconnect", false},
		{"sink/kafka", module + "sink/redis", true},
		{"sink/kafka", module + "sink/kafka/progress", false},
		{"sink/kafka/progress", module + "sink/kafka/fencing", false},
		{"sink/kafka/fencing", module + "sink/kafka/progress", true},
		{"sink/kafka/fencing", module + "sink/kafka/topics", false},
		{"sink/kafka/topics", module + "sink/kafka/fencing", true},
		{"sink/kafka/topics", module + "sink/kafka", true},
		{"sink/kafka/wire", module + "sink/kafka/topics", true},
		{"sink/kafka", module + "cache", true},
		{"sink/redis", module + "cache", true},
		{"sink/redis", module + "cache/protocol", false},
		{"sink/redis", module + "internal/pipeline", true},
		{"sink/redis", module + "sink/format", true},
		{"sink/stdout", module + "internal/kafkaconnect", true},
		{"sink/postgres", module + "sink/postgres/dml", false},
		{"sink/postgres/dml", module + "sink/postgres", true},
		{"sink/postgres/dml", module + "sink/postgres/queue", true},
		{"sink/postgres/dml", module + "sink/postgres/target", false},
		{"sink/postgres/queue", module + "sink/postgres/dml", true},
		{"sink/postgres/target", module + "sink/postgres/dml", true},
		{"transform", module + "sink", true},
		{"transform/event", module + "transform/expr", false},
		{"transform/event", module + "transform/mask", true},
		{"transform/expr", module + "transform", true},
		{"transform/expr", module + "transform/expr/functions", false},
		{"transform/expr/functions", module + "transform/expr/eval", false},
		{"transform/expr/eval", module + "transform/expr/functions", true},
		{"transform/expr/eval", module + "config", true},
		{"transform/expr/decimal", module + "transform/expr/eval", true},
		{"transform/expr", module + "transform/jsonvalue", false},
		{"transform/jsonvalue", module + "transform/expr", true},
	} {
		if why := wrong(c.importer, c.imported); (why != "") != c.wrong {
			t.Errorf("%s imports %s: %q, want wrong = %t", c.importer, c.imported, why, c.wrong)
		}
	}
}
