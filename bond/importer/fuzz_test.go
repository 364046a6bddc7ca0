package importer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond"
	"github.com/rogpeppe/go-internal/txtar"
)

// fuzz holds of a format's reader that what it gives is a configuration which up takes, and
// that each remark has a place in the file and fits where it is printed.
func fuzz(f *testing.F, name, ext string) {
	paths, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, one := range append(txtar.Parse(text).Files, txtar.File{Name: path, Data: text}) {
			if strings.HasSuffix(one.Name, ext) || ext == "ifcfg" && strings.HasPrefix(one.Name, "ifcfg-") {
				f.Add(string(one.Data), "")
			}
		}
	}
	f.Fuzz(func(t *testing.T, text, second string) {
		other := filepath.Join(filepath.Dir(name), "10-"+filepath.Base(name))
		if ext == "ifcfg" {
			other = filepath.Join(filepath.Dir(name), "ifcfg-eth0")
		}
		files := inMemory(map[string]string{name: text, other: second})
		for _, r := range []Request{{}, {Name: "bond0"}, {Strategy: "bond"}} {
			result, err := Import(filepath.Dir(name), files, r)
			if err != nil {
				if err.Error() == "" {
					t.Fatal("an error without a word")
				}
				if _, ok := errors.AsType[*bond.ConfigError](err); ok {
					t.Fatalf("settings that were tried are refused: %v", err)
				}
				continue
			}
			check(t, result)
		}
	})
}

func check(t *testing.T, r Result) {
	t.Helper()
	for _, one := range append(r.Left, r.Notes...) {
		if one.Reason == "" || one.File != "" && one.Last < one.First {
			t.Fatalf("%+q", one)
		}
	}
	settings, err := bond.ParseTOML("written.toml", r.TOML)
	if err != nil {
		t.Fatalf("%v in\n%s", err, r.TOML)
	}
	if _, err := bond.NewConfig(r.Name, settings); err != nil {
		t.Fatalf("%v in\n%s", err, r.TOML)
	}
}

func FuzzInterfaces(f *testing.F)     { fuzz(f, "d/interfaces", ".interfaces") }
func FuzzNetworkd(f *testing.F)       { fuzz(f, "d/a.network", ".network") }
func FuzzNetworkdBond(f *testing.F)   { fuzz(f, "d/a.netdev", ".netdev") }
func FuzzNetworkManager(f *testing.F) { fuzz(f, "d/a.nmconnection", ".nmconnection") }
func FuzzIfcfg(f *testing.F)          { fuzz(f, "d/ifcfg-bond0", "ifcfg") }
func FuzzYAML(f *testing.F)           { fuzz(f, "d/a.yaml", ".yaml") }
func FuzzTeamd(f *testing.F)          { fuzz(f, "d/a.json", ".json") }
