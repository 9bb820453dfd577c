package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
)

type rotating struct {
	Password config.Credential `hcl:"password,optional"`
	Other    config.Credential `hcl:"other,optional"`
}

// TestCredentialIsReadAgain replaces a secret file behind a running daemon.
func TestCredentialIsReadAgain(t *testing.T) {
	k := kinds()
	k.Sinks["rotating"] = func() any { return &rotating{} }
	secret, path := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "f.hcl")
	writeFile(t, secret, "one\n")
	writeFile(t, path, fmt.Sprintf("locals { password = file(%q) }\n%s", secret,
		strings.Replace(minimal, `"stdout" "out" {}`, `"rotating" "r" { password = local.password }`, 1)))
	f, report := config.Load([]string{path}, k, config.Options{})
	if report.HasErrors() {
		t.Fatal(report)
	}
	r := f.Pipelines[0].Sinks[0].Settings.(*rotating)
	if r.Other != nil {
		t.Error("an attribute that is not given has a credential")
	}
	for _, want := range []string{"one", "two"} {
		writeFile(t, secret, want+"\n")
		if got, err := r.Password(); err != nil || string(got) != want {
			t.Errorf("%s, %v", string(got), err)
		}
	}
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	_, err := r.Password()
	if err == nil || !strings.Contains(err.Error(), "read password at "+path+":7: the file") || !strings.Contains(err.Error(), "it does not exist") {
		t.Errorf("a file that is gone: %v", err)
	}
	_, report = config.Load([]string{path}, k, config.Options{})
	if !strings.Contains(report.String(), "f.hcl:1:26: error: the file") {
		t.Errorf("a file that is not there:\n%s", report)
	}
	f, report = config.Load([]string{path}, k, config.Options{Offline: true})
	if report.HasErrors() || f.Pipelines[0].Sinks[0].Settings.(*rotating).Password != nil {
		t.Errorf("offline: %s", report)
	}
}
