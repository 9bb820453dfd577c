package config

import (
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/tailrace/tailrace/config/budget"
	"github.com/tailrace/tailrace/config/functions"
	"github.com/tailrace/tailrace/config/spelling"
	"github.com/tailrace/tailrace/config/syntax"
)

// Options are what Load uses besides the files.
type Options struct {
	// Offline is for a check without secrets and environment: an env() without default whose variable is not set, and a
	// file() that cannot be read, pass as values that are not known.
	Offline bool
	// Env looks an environment variable up; nil is the process' own.
	Env func(name string) (string, bool)
	// ReadFile reads what file() names; nil reads the file system, up to one byte more than the limit of 1 MiB. Relative
	// paths are relative to the working directory. Pipeline files do not go through it.
	ReadFile func(path string) ([]byte, error)
}

// Load reads pipeline files, and folders of *.hcl files, as one. All problems of all files are in the report; the File is
// nil when there is an error among them. It contacts no server.
func Load(paths []string, k Kinds, o Options) (*File, *Report) {
	l := newLoader(k, o)
	f := l.load(paths)
	l.report.sort()
	if l.report.HasErrors() {
		return nil, l.report
	}
	return f, l.report
}

// loader is one call of Load.
type loader struct {
	kinds       Kinds
	options     Options
	report      *Report
	functions   map[string]function.Function
	budget      budget.Budget // of all expressions that are evaluated while the files are loaded
	daemons     []*hclsyntax.Block
	locals      map[string]*local
	path        []string // of the locals that are being evaluated, to name a circle
	connections []*connection
	pipelines   []*hclsyntax.Block
	partial     bool // a file did not parse: a name that is not found may be in there
}

func newLoader(k Kinds, o Options) *loader {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	if o.ReadFile == nil {
		o.ReadFile = read
	}
	l := &loader{kinds: k, options: o, locals: map[string]*local{}}
	l.report = &Report{sources: map[string][]byte{}}
	l.report.secrets.Names = l.secretNames()
	o.ReadFile = readOnce(o.ReadFile)
	l.functions = functions.All(functions.Environment{
		Env: o.Env, File: func(path string) (string, error) { return fileText(o.ReadFile, path) }, Offline: o.Offline,
		Secret: l.report.secrets.AddValue,
	})
	return l
}

func (l *loader) load(paths []string) *File {
	files, diags := pathsOf(paths)
	l.report.append(diags...)
	l.partial = len(diags) > 0
	texts := map[string][]byte{}
	var first hcl.Range
	for _, name := range files {
		src, err := read(name)
		if err != nil {
			l.report.append(problemWithoutPlace(name+" cannot be read: "+reason(err), ""))
			l.partial = true
			continue
		}
		texts[name] = src
		if first.Filename == "" {
			first = beginning(name)
		}
		l.parse(name, src)
	}
	f := &File{Daemon: l.daemon(), Hash: digest(texts), Paths: paths}
	l.evaluateLocals()
	for _, c := range l.connections {
		l.checkConnection(c)
	}
	f.Pipelines = l.loadPipelines()
	if len(l.pipelines) == 0 && !l.partial && first.Filename != "" {
		l.report.append(problem(first, "there is no pipeline", `Define one: pipeline "name" { source "postgres" { } ... }.`))
	}
	return f
}

// parse reads the top-level blocks of a file. A file with a syntax error is left out as a whole: half a file would cause wrong
// problems.
func (l *loader) parse(name string, src []byte) {
	if b := l.parseBody(name, src); b != nil {
		l.collect(b)
	}
}

// parseBody parses a file, and reports why it cannot: nil.
func (l *loader) parseBody(name string, src []byte) *hclsyntax.Body {
	if d := syntax.Unreadable(name, src); d != nil {
		l.report.append(d)
		l.partial = true
		return nil
	}
	l.report.sources[name] = src
	body, diags := syntax.Parse(name, src)
	if body == nil {
		l.report.append(diags...)
		l.partial = true
	}
	return body
}

func (l *loader) collect(b *hclsyntax.Body) {
	blocks := []string{"connection", "daemon", "locals", "pipeline"}
	for _, a := range inOrder(b.Attributes) {
		if spelling.Nearest(a.Name, blocks) == a.Name {
			l.report.append(problem(a.NameRange, `"`+a.Name+`" is a block`, "Write it without the equals sign: "+a.Name+" { ... }."))
			continue
		}
		l.reportUnknown("attribute", "file", a.Name, a.NameRange, nil, blocks)
	}
	for _, inner := range b.Blocks {
		switch inner.Type {
		case "daemon":
			l.daemons = append(l.daemons, inner)
		case "locals":
			l.defineLocals(inner)
		case "connection":
			l.defineConnection(inner)
		case "pipeline":
			l.pipelines = append(l.pipelines, inner)
		default:
			l.reportUnknown("block", "file", inner.Type, inner.TypeRange, nil, blocks)
		}
	}
}
