package ddl

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv"
)

// versions are those of the source and the replica.
var versions = []int{15, testenv.Newest}

// fixedSeeds are the seeds that every test run tries, with the kinds in Holding. Among them are kills, freezes and takeovers.
var fixedSeeds = []uint64{20, 4}

// TestDDLSeeds runs a few programs of the kinds in Holding.
func TestDDLSeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t)
	for i, seed := range fixedSeeds {
		version := versions[i%len(versions)]
		t.Run(fmt.Sprintf("%d/%d", version, seed), func(t *testing.T) {
			t.Parallel()
			p := Generate(seed, Holding)
			if err := try(t, binary, version, p); err != nil {
				t.Errorf("seed %d, kinds %s: %v\n%s", seed, strings.Join(Holding, ","), err, p)
			}
		})
	}
}

// TestDDLSoak runs programs of random seeds for TAILRACE_SOAK. TAILRACE_DDL names the kinds of DDL (default: Holding),
// TAILRACE_DDL_SEED the first seed, TAILRACE_DDL_VERSION one version of Postgres. A fault is reduced when TAILRACE_DDL_REDUCE is set.
func TestDDLSoak(t *testing.T) {
	soak := os.Getenv("TAILRACE_SOAK")
	if soak == "" {
		t.Skip("set TAILRACE_SOAK=10m")
	}
	lasts, err := time.ParseDuration(soak)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := ParseKinds(os.Getenv("TAILRACE_DDL"))
	if err != nil {
		t.Fatal(err)
	}
	first := uint64(time.Now().UnixNano() % 1e9)
	if s := os.Getenv("TAILRACE_DDL_SEED"); s != "" {
		if first, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("kinds %s, seeds from %d", strings.Join(chosen, ","), first)
	binary := build(t)
	end := time.Now().Add(lasts)
	for i, version := range chosenVersions(t) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			programs, faults := 0, 0
			for seed := first + uint64(i); time.Now().Before(end); seed += 2 {
				programs++
				if !soakSeed(t, binary, version, seed, chosen) {
					faults++
				}
			}
			t.Logf("Postgres %d: %d programs, %d with faults", version, programs, faults)
		})
	}
}

func chosenVersions(t *testing.T) []int {
	s := os.Getenv("TAILRACE_DDL_VERSION")
	if s == "" {
		return versions
	}
	v, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return []int{v}
}

// soakSeed runs one seed's program, and reduces its fault, if any.
func soakSeed(t *testing.T, binary string, version int, seed uint64, chosen []string) bool {
	p := Generate(seed, chosen)
	err := try(t, binary, version, p)
	if err == nil {
		t.Logf("seed %d, Postgres %d: equal, %d actions", seed, version, len(p))
		return true
	}
	var f *Fault
	if errors.As(err, &f) && f.Class != Refused && os.Getenv("TAILRACE_DDL_REDUCE") != "" {
		began := time.Now()
		p = Reduce(p, func(shorter Program) bool {
			var g *Fault
			again := try(t, binary, version, shorter)
			if errors.As(again, &g) && g.Kind() == f.Kind() {
				err = again
				return true
			}
			return false
		}, func() bool { return time.Since(began) < 2*time.Minute })
	}
	t.Errorf("seed %d, Postgres %d, TAILRACE_DDL=%s: %v\n%s", seed, version, strings.Join(chosen, ","), err, p)
	return false
}

// TestDDLProgram runs the program in the file TAILRACE_DDL_PROGRAM.
func TestDDLProgram(t *testing.T) {
	file := os.Getenv("TAILRACE_DDL_PROGRAM")
	if file == "" {
		t.Skip("set TAILRACE_DDL_PROGRAM to a file")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	binary := build(t)
	for _, version := range chosenVersions(t) {
		if err := try(t, binary, version, p); err != nil {
			t.Errorf("Postgres %d: %v", version, err)
		}
	}
}

// try runs a program between two new databases.
func try(t *testing.T, binary string, version int, p Program) (err error) {
	t.Run("run", func(t *testing.T) { err = newStage(t, binary, version).Run(t.Context(), p) })
	return err
}

// newStage returns a stage with two new databases of one server.
func newStage(t *testing.T, binary string, version int) *Stage {
	t.Helper()
	server := testenv.SharedPostgres(t, version)
	s := &Stage{Binary: binary, Dir: t.TempDir(), Pipeline: testenv.NewDatabase(t, server)}
	s.Source, s.Target = server.URL(s.Pipeline), server.URL(testenv.NewDatabase(t, server))
	for i := range s.Listen {
		var err error
		if s.Listen[i], err = testenv.FreeAddress(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.Close)
	return s
}

// build returns the program under test: TAILRACE_BINARY, or the package's binary.
func build(t *testing.T) string {
	t.Helper()
	if file := os.Getenv("TAILRACE_BINARY"); file != "" {
		return file
	}
	return testenv.SharedTailrace(t)
}
