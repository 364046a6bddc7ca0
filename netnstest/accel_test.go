package netnstest

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// scripts has shell scripts stand for QEMU and what it boots: it returns a function that writes one, in
// a folder that is in PATH and has the cache.
func scripts(t *testing.T) (dir string, write func(name, text string) (file string)) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("XDG_CACHE_HOME", dir)
	write = func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("busybox", "")
	return dir, write
}

func TestProbeKVM(t *testing.T) {
	_, script := scripts(t)
	for _, test := range []struct {
		name, qemu, trouble string
		limit               time.Duration
	}{
		{"boots", "echo noise; echo " + probeWord, "", time.Minute},
		{"fails", "echo failed to set MSR >&2; echo more; exit 134", "failed to set MSR", time.Minute},
		{"fails without a word", "exit 1", "qemu: exit status 1", time.Minute},
		{"hangs", "exec sleep 1000", "a guest doesn't boot within 100ms", 100 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := &Lab{dir: t.TempDir(), qemu: script("qemu", test.qemu), kernel: kernel{image: script("vmlinuz", "")}}
			trouble, err := l.probeKVM(t.Context(), test.limit)
			if err != nil || trouble != test.trouble {
				t.Errorf("trouble %q, error %v, want %q", trouble, err, test.trouble)
			}
		})
	}
}

// TestProbeIsRemembered: a second boot doesn't probe again, unless QEMU is another one.
func TestProbeIsRemembered(t *testing.T) {
	dir, write := scripts(t)
	l := &Lab{dir: dir, qemu: write("qemu", "echo x >>"+dir+"/runs; echo no; exit 1"), kernel: kernel{image: write("vmlinuz", "")}}
	probes := func(want string) {
		t.Helper()
		if trouble, err := l.kvmTrouble(t.Context()); trouble != "no" || err != nil {
			t.Fatalf("trouble %q, error %v, want no", trouble, err)
		}
		if runs, err := os.ReadFile(filepath.Join(dir, "runs")); err != nil || string(runs) != want {
			t.Errorf("probes %q, error %v, want %q", runs, err, want)
		}
	}
	probes("x\n")
	probes("x\n")
	write("qemu", "echo y >>"+dir+"/runs; echo no; exit 1 # and longer")
	probes("x\ny\n")
}
