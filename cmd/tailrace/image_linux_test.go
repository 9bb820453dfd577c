package main

import (
	"archive/tar"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestEmptyRoot runs the static binary as a user without rights in a root directory that holds nothing but it and a
// pipeline file, which is all that the container image may rely on.
func TestEmptyRoot(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	root := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(root, "tailrace"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	file, err := os.ReadFile("../../examples/minimal/orders.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "orders.hcl"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o755); err != nil { // a test's directory is its user's alone
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"version", "tailrace "},
		{"check -offline /orders.hcl", "ok: 1 pipeline"},
	} {
		out, err := confined(root, strings.Fields(c.args)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("tailrace %s in an empty root: %v, want %q:\n%s", c.args, err, c.want, out)
		}
	}
}

// confined returns a command that runs the binary in root as its root directory, as the image's user: user 65532, by
// a user namespace where the test does not run as root.
func confined(root string, args ...string) *exec.Cmd {
	const nonroot = 65532
	cmd := exec.Command("/tailrace", args...)
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nonroot, Gid: nonroot}
		return cmd
	}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nonroot, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nonroot, HostID: os.Getgid(), Size: 1}}
	return cmd
}

// TestRootFS gives .ci/rootfs, which looks into the image after a build, a root file system as it should be, and others
// that each break one of its rules.
func TestRootFS(t *testing.T) {
	good := []string{"usr/local/bin/tailrace", "etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Europe/Berlin", "etc/passwd"}
	for _, c := range []struct {
		name  string
		files []string
		says  string // "" when it passes
	}{
		{"as it should be", good, ""},
		{"no binary", good[1:], "no /usr/local/bin/tailrace"},
		{"no certificates", append([]string{good[0]}, good[2:]...), "no /etc/ssl/certs/ca-certificates.crt"},
		{"a shell", append([]string{"bin/sh"}, good...), "must not have: bin/sh"},
		{"a package manager", append([]string{"./usr/bin/dpkg"}, good...), "must not have: usr/bin/dpkg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var archive bytes.Buffer
			w := tar.NewWriter(&archive)
			for _, name := range c.files {
				if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("../../.ci/rootfs")
			cmd.Stdin = &archive
			out, err := cmd.CombinedOutput()
			if passed := err == nil; passed != (c.says == "") || !strings.Contains(string(out), c.says) {
				t.Errorf("it ends with %v, want %q:\n%s", err, c.says, out)
			}
		})
	}
}
