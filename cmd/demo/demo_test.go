package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOnce runs the tour as a visitor would: the program itself checks what it shows.
func TestOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Postgres server")
	}
	program := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-once").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"1,000 orders of the shop are in topic", `"op":"insert"`, "pg_terminate_backend", "lag 0.",
		`"lines":[{"sku":"tea","quantity":2},{"sku":"cup","quantity":1}]`, "ce_type OrderPaid", "OrderPaid",
		"kill -9", "started again", "none is missing", "status page  http://127.0.0.1:",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not show %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "\x1b") {
		t.Errorf("escapes without a terminal:\n%s", out)
	}
}

func TestNoOtherArgument(t *testing.T) {
	out, err := exec.Command("go", "run", ".", "twice").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "there is only -once") {
		t.Errorf("%v\n%s", err, out)
	}
}
