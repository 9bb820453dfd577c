package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestPythonCacheSoak runs the tests of examples/cache-python, with its packages from PyPI: the test vectors, and readers on a
// primary and on a standby that lags.
func TestPythonCacheSoak(t *testing.T) {
	if os.Getenv("TAILRACE_SOAK") == "" {
		t.Skip("set TAILRACE_SOAK: it installs packages from PyPI")
	}
	python := virtualenv(t, examples+"/cache-python/requirements.txt")
	redis, postgres := testenv.Redis(t), testenv.Postgres(t)
	postgres.Exec(t, read(t, examples+"/cache/orders.sql"))
	standby := postgres.Standby(t, testenv.Setting("recovery_min_apply_delay", "50ms"))
	address := unusedAddress(t)
	env := []string{"DATABASE_URL=" + postgres.URL("postgres"), "REDIS_URL=redis://" + redis.Addr(), "LISTEN=" + address}
	daemon := startDaemonFor(t, 3*time.Minute, env, address, examples+"/cache/orders.hcl")
	tailrace(t, "wait", "-pipeline", "shop", "-url", daemon.url).expect(t, 0, "every sink holds everything up to", "")

	vectors, err := filepath.Abs("../../cache/protocol/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-m", "unittest", "-v", "test_cache")
	cmd.Dir = examples + "/cache-python"
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "VECTORS="+vectors, env[1],
		"PRIMARY_URL="+postgres.URL("postgres"), "STANDBY_URL="+standby.URL("postgres"))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("%v\n%s", err, &daemon.log)
	}
}

// virtualenv installs packages into a virtual environment of the test and returns its Python.
func virtualenv(t *testing.T, requirements string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "venv")
	python := filepath.Join(dir, "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", dir},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return python
}
