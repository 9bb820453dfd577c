package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const examples = "../../examples"

// folders are the examples that are a configuration each.
func folders(t *testing.T) (list []string) {
	t.Helper()
	files, err := filepath.Glob(examples + "/*/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		list = append(list, filepath.Dir(file))
	}
	return slices.Compact(list)
}

func TestExamplesStandTheOfflineCheck(t *testing.T) {
	for _, dir := range folders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			r := tailrace(t, "check", "-offline", dir)
			r.expect(t, 0, "checked offline", "")
			if r.err != "" {
				t.Errorf("it warns: %s", r.err)
			}
			tailrace(t, "fmt", "-check", dir).expect(t, 0, "", "")
		})
	}
}

// TestTheReadmesFileStandsTheOfflineCheck does the same for every pipeline that the documents show in full.
func TestTheReadmesFileStandsTheOfflineCheck(t *testing.T) {
	block := regexp.MustCompile("(?s)```hcl\n(.*?)```")
	for _, name := range []string{"README.md", "docs/caching.md", "docs/configuration.md", "docs/replica.md"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, m := range block.FindAllSubmatch(text, -1) {
			if !strings.Contains(string(m[1]), "\n  ...\n") {
				tailrace(t, "check", "-offline", place(t, "shown.hcl", string(m[1]))).expect(t, 0, "checked offline", "")
				shown++
			}
		}
		if shown == 0 {
			t.Errorf("%s shows no pipeline", name)
		}
	}
}

// TestManifests checks the text of the Kubernetes manifests: what a reader copies has to be there, and what they name
// has to exist.
func TestManifests(t *testing.T) {
	named := regexp.MustCompile(`(?m)^ +- ([a-z.]+\.(?:yaml|hcl))$`)
	for _, dir := range []string{"deployment", "sidecar"} {
		dir = filepath.Join(examples, dir)
		index := read(t, filepath.Join(dir, "kustomization.yaml"))
		files := named.FindAllStringSubmatch(index, -1)
		if len(files) != 2 {
			t.Errorf("%s names %v, want a manifest and a pipeline file", dir, files)
		}
		for _, f := range files {
			text := read(t, filepath.Join(dir, f[1]))
			if filepath.Ext(f[1]) != ".yaml" {
				continue
			}
			checkManifest(t, f[1], text)
			if name := regexp.MustCompile(`- name: (\S+)\n    files:`).FindStringSubmatch(index); name == nil ||
				!strings.Contains(text, "configMap: { name: "+name[1]+" }") {
				t.Errorf("%s does not use the pipeline file's ConfigMap %v", f[1], name)
			}
		}
	}
}

func checkManifest(t *testing.T, name, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if strings.Contains(line, "\t") || indent%2 != 0 || strings.HasSuffix(line, " ") {
			t.Errorf("%s:%d: its spaces are not YAML's: %q", name, i+1, line)
		}
	}
	for _, want := range []string{
		"apiVersion: apps/v1", "kind: Deployment", "path: /healthz", "path: /readyz",
		"runAsNonRoot: true", "runAsUser: 65532", "readOnlyRootFilesystem: true", "drop: [ALL]", "prometheus.io/scrape: \"true\"",
		"prometheus.io/port: \"9187\"", "limits: { memory: ", "secret: { secretName: tailrace", "args: [run, /etc/tailrace/pipelines]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q", name, want)
		}
	}
	mounts, volumes := regexp.MustCompile(`name: (\w+), mountPath`), regexp.MustCompile(`(?m)^        - name: (pipelines|ca|secrets)$`)
	if m, v := words(mounts, text), words(volumes, text); !slices.Equal(m, v) {
		t.Errorf("%s mounts %v and has the volumes %v", name, m, v)
	}
}

func words(r *regexp.Regexp, text string) (list []string) {
	for _, m := range r.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	slices.Sort(list)
	return list
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
