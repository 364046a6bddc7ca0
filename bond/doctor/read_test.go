package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

// rootOf is a folder with files.
func rootOf(t *testing.T, files map[string]string) reader {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return reader{root}
}

// laptop are facts with a cable and Wi-Fi, and nothing else.
func laptop() *Facts {
	member := func(name string, index int) Member {
		return Member{Surveyed: bond.Surveyed{Link: bond.Link{Name: name, Index: index}}, Enslaved: true}
	}
	f := &Facts{Name: "bond0", Members: []Member{member("eth0", 2), member("wlan0", 3)}}
	f.Members[1].WiFi = true
	return f
}

func TestKernel(t *testing.T) {
	const release, dep = "proc/sys/kernel/osrelease", "lib/modules/6.1.0-40-amd64/modules.dep"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  Driver
	}{
		{"loaded", map[string]string{release: "6.1.0-40-amd64\n", "sys/module/bonding/version": ""}, DriverLoaded},
		{"a module", map[string]string{release: "6.1.0-40-amd64\n", dep: "kernel/drivers/net/bonding/bonding.ko.xz: kernel/net/tls/tls.ko.xz\n"}, DriverModule},
		{"built in", map[string]string{release: "6.1.0-40-amd64\n", dep: "", "lib/modules/6.1.0-40-amd64/modules.builtin": "kernel/drivers/net/bonding/bonding.ko\n"}, DriverModule},
		{"without", map[string]string{release: "6.1.0-40-amd64\n", dep: "kernel/drivers/net/dummy.ko:\n"}, DriverMissing},
		{"a module of NixOS", map[string]string{
			release: "6.1.0-40-amd64\n", "run/booted-system/kernel-modules/" + dep: "kernel/drivers/net/bonding/bonding.ko.xz:\n",
		}, DriverModule},
		{"another kernel's modules", map[string]string{release: "6.1.0-41-amd64\n", dep: "kernel/drivers/net/bonding/bonding.ko:\n"}, DriverNoFolder},
		{"nothing known", nil, ""},
	} {
		var f Facts
		rootOf(t, tt.files).kernel(&f)
		if f.Kernel.Driver != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, f.Kernel.Driver, tt.want)
		}
	}
}

func TestCredentials(t *testing.T) {
	const text = "Name:\tbondctl\nUid:\t1000\t%U\t1000\t1000\nCapEff:\t%E\nCapBnd:\t%B\n"
	for _, tt := range []struct {
		uid, eff, bnd string
		want          *Credentials
	}{
		{"0", "000001ffffffffff", "000001ffffffffff", &Credentials{true, true, true}},
		{"1000", "0000000000000000", "000001ffffffffff", &Credentials{false, false, true}},
		{"0", "00000000a80425fb", "00000000a80425fb", &Credentials{Root: true}}, // docker's
		{"0", "none", "0", nil},
	} {
		got := parseCredentials(strings.NewReplacer("%U", tt.uid, "%E", tt.eff, "%B", tt.bnd).Replace(text))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s %s (-want +got):\n%s", tt.uid, tt.eff, tt.bnd, diff)
		}
	}
}

func TestMACPolicyOf(t *testing.T) {
	defaults := file{"/usr/lib/systemd/network/99-default.link", "[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep kernel\nMACAddressPolicy=persistent\n"}
	debian := file{"/usr/lib/systemd/network/98-net-bonding.link", "[Match]\nDriver=bonding\n\n[Link]\nMACAddressPolicy=none\n"}
	usb := file{"/usr/lib/systemd/network/73-usb-net-by-mac.link", "[Match]\nPath=*-usb-*\n[Link]\nMACAddressPolicy=random\n"}
	for _, tt := range []struct {
		name  string
		links []file
		want  *MACPolicy
	}{
		{"systemd's own", []file{usb, defaults}, &MACPolicy{defaults.path, "persistent"}},
		{"Debian's", []file{usb, debian, defaults}, &MACPolicy{debian.path, "none"}},
		{"all but bonds", []file{{"/etc/a.link", "[Match]\nOriginalName=!bond*\n[Link]\nMACAddressPolicy=random\n"}, defaults}, &MACPolicy{defaults.path, "persistent"}},
		{"by kind", []file{{"/etc/a.link", "[Match]\nKind=vlan bond\n[Link]\nMTUBytes=1400\n"}, defaults}, &MACPolicy{"/etc/a.link", "none"}},
		{"nothing asked for", []file{{"/etc/a.link", "[Link]\nMACAddressPolicy=random\n"}}, nil},
		{"no files", nil, nil},
	} {
		if diff := cmp.Diff(tt.want, macPolicyOf(tt.links, "bond0")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestDropIns: of two files with one name the first folder's counts.
func TestDropIns(t *testing.T) {
	r := rootOf(t, map[string]string{"etc/n/b.link": "etc", "usr/n/b.link": "usr", "usr/n/a.link": "usr", "usr/n/c.conf": "no"})
	got, err := r.dropIns(".link", "etc/n", "run/n", "usr/n")
	if diff := cmp.Diff([]file{{"/usr/n/a.link", "usr"}, {"/etc/n/b.link", "etc"}}, got, cmp.AllowUnexported(file{})); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// TestText: no FIFO blocks, and no file is too long.
func TestText(t *testing.T) {
	r := rootOf(t, map[string]string{"long": strings.Repeat("x", longest+1), "all": strings.Repeat("x", longest)})
	if err := unix.Mkfifo(r.path("fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"long", "fifo", "none", "."} {
		if text, err := r.text(name); err == nil {
			t.Errorf("%s is read: %d bytes", name, len(text))
		}
	}
	if text, err := r.text("all"); err != nil || len(text) != longest {
		t.Errorf("%d bytes: %v", len(text), err)
	}
}
