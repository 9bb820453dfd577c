package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the release's build: -ldflags "-X main.version=v1.2.3".
var version string

func versionVerb() *verb {
	return &verb{
		name:     "version",
		args:     "[-json]",
		summary:  "print the version",
		examples: "  tailrace version -json",
		setup:    setupVersion,
	}
}

func setupVersion(flags *flag.FlagSet) action {
	asJSON := flags.Bool("json", false, "print one JSON object")
	return func(_ context.Context, a *app, args []string) error {
		if len(args) > 0 {
			return usageError(fmt.Sprintf("unexpected argument %q: version takes none", args[0]))
		}
		b := build()
		if *asJSON {
			return json.NewEncoder(a.out).Encode(b)
		}
		text := "tailrace " + b.Version
		if b.Revision != "" {
			text += " " + b.Revision
		}
		_, err := fmt.Fprintf(a.out, "%s %s %s\n", text, b.Go, b.Platform)
		return err
	}
}

// buildInfo is what `tailrace version -json` prints.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // with "+" when the tree had changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func build() buildInfo {
	b := buildInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Revision = s.Value + b.Revision
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Revision += "+"
		}
	}
	return b
}
