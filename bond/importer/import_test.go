package importer

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
	"net/netip"

	"github.com/bondctl/bondctl/bond"
)

var update = flag.Bool("update", false, "write what is said of each case to its .said")

// byValue compares addresses, which have unexported fields.
var byValue = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}

// inMemory are files that are given with their paths.
func inMemory(texts map[string]string) Files {
	return Files{
		Read: func(path string) ([]byte, error) {
			text, ok := texts[filepath.Clean(path)]
			if !ok {
				return nil, fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
			}
			return []byte(text), nil
		},
		Glob: func(pattern string) (list []string, err error) {
			found := map[string]bool{}
			for path := range texts {
				for ; path != "/" && path != "."; path = filepath.Dir(path) {
					ok, err := filepath.Match(filepath.Clean(pattern), path)
					if err != nil {
						return nil, err
					}
					if ok {
						found[path] = true
					}
				}
			}
			return slices.Sorted(maps.Keys(found)), nil
		},
	}
}

// load gives a case's files, and the path that is imported.
func load(t *testing.T, path string) (string, Files) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(path)
	if filepath.Ext(path) != ".txtar" {
		return base, inMemory(map[string]string{base: string(text)})
	}
	texts := map[string]string{}
	stem := strings.TrimSuffix(base, ".txtar")
	for _, f := range txtar.Parse(text).Files {
		texts[filepath.Join(stem, f.Name)] = string(f.Data)
	}
	return stem, inMemory(texts)
}

// TestImport imports each case of testdata. NAME.want.toml is what the import gives, and
// NAME.said what it says; what has no .want.toml is refused.
func TestImport(t *testing.T) {
	paths, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, path := range paths {
		ext := filepath.Ext(path)
		if ext == ".said" || strings.HasSuffix(path, ".want.toml") || ext == "" {
			continue
		}
		count++
		stem := strings.TrimSuffix(path, ext)
		t.Run(filepath.Base(stem), func(t *testing.T) {
			name, files := load(t, path)
			r, err := Import(name, files, Request{Strategy: map[bool]string{true: "bond"}[strings.HasSuffix(stem, "-as-bond")]})
			said := sayAll(r, err)
			if *update {
				if err := os.WriteFile(stem+".said", []byte(said), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := os.ReadFile(stem + ".said")
			if diff := cmp.Diff(string(before), said); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
			want, missing := os.ReadFile(stem + ".want.toml")
			if missing != nil {
				if _, ok := errors.AsType[*Error](err); !ok {
					t.Errorf("%v, want a refusal:\n%s", err, r.TOML)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			compare(t, r, want)
		})
	}
	if count < 30 {
		t.Errorf("%d cases", count)
	}
}

func sayAll(r Result, err error) string {
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\n", r.Name)
	for _, one := range r.Left {
		fmt.Fprintf(&b, "left: %s\n", one)
	}
	for _, one := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", one)
	}
	for _, one := range r.Off {
		fmt.Fprintf(&b, "off: %s\n", one)
	}
	return b.String()
}

// compare holds a result against what it must mean.
func compare(t *testing.T, r Result, want []byte) {
	t.Helper()
	if diff := cmp.Diff(read1(t, r.Name, want), read1(t, r.Name, r.TOML), byValue); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, r.TOML)
	}
}

func read1(t *testing.T, name string, text []byte) bond.Config {
	t.Helper()
	settings, err := bond.ParseTOML("want.toml", bytes.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := bond.NewConfig(name, settings)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
