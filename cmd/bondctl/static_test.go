package main

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../"

func readRoot(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(root + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestStatic builds the program as the README says; it must run where there is
// neither libc nor loader.
func TestStatic(t *testing.T) {
	line := regexp.MustCompile(`(?m)^    (CGO_ENABLED=0 .*go build .*) \./cmd/bondctl\b`).FindStringSubmatch(readRoot(t, "README.md"))
	if line == nil {
		t.Fatal("the README doesn't say how to build it")
	}
	binary := filepath.Join(t.TempDir(), "bondctl")
	build := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("%s -buildvcs=false -o '%s' ./cmd/bondctl", line[1], binary))
	build.Dir = root
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

// TestInstallSteps has the README name the Go that go.mod asks for, and a folder from
// which a service may start the program.
func TestInstallSteps(t *testing.T) {
	readme := readRoot(t, "README.md")
	wanted := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(readRoot(t, "go.mod"))[1]
	for _, step := range []string{
		"    curl -LO https://go.dev/dl/go" + wanted + ".linux-amd64.tar.gz\n",
		"    sudo install bondctl " + filepath.Dir(usualPath) + "/\n",
	} {
		if !strings.Contains(readme, step) {
			t.Errorf("the README doesn't have the step %q", step)
		}
	}
}
