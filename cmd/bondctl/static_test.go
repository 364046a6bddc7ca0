package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestStatic builds the program as the README says; it must run where there is
// neither libc nor loader.
func TestStatic(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "bondctl")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-tags=urfave_cli_no_docs", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a %s segment", p.Type)
		}
	}
}
