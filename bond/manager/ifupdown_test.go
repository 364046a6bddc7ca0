package manager

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/ifupdown"
	"github.com/bondctl/bondctl/bond/owner"
)

const (
	interfacesText = `# The loopback.
auto lo
iface lo inet loopback

auto lo \
  eth0
allow-hotplug wlan0
iface eth0 inet dhcp
	# A comment.
	hostname box
iface eth0 inet6 auto
source interfaces.d/*
# The end.
`
	wlanText = "iface wlan0 inet dhcp\n    wpa-ssid home\n    metric 600\n    wpa-psk \\\nsecret\niface wlan0 inet6 auto\niface eth1 inet manual\n"
)

// interfacesRoot has these files, and ifupdown itself.
func interfacesRoot(t *testing.T) string {
	t.Helper()
	dir := tempRoot(t)
	for path, text := range map[string]string{
		"sbin/ifup": "", "etc/network/interfaces": interfacesText, "etc/network/interfaces.d/wlan": wlanText,
		"run/network/ifstate": "lo=lo\neth0=eth0\n",
	} {
		if err := writeFile(filepath.Join(dir, path), text); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func ifupHandover(names ...string) Handover {
	h := Handover{Manager: Ifupdown, Bond: "bond0"}
	for _, name := range names {
		h.Members = append(h.Members, Match{Name: name})
	}
	return h
}

func TestIfupdownHolds(t *testing.T) {
	dir := interfacesRoot(t)
	if !(ifUpDown{}).runs() {
		t.Error("it doesn't run")
	}
	holds := func(want ...Hold) {
		t.Helper()
		got, err := ifUpDown{}.holds(t.Context(), []string{"eth0", "eth1", "wlan0", "lo0"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	hold := func(name, follows, restore string) Hold {
		return Hold{Link: owner.Link{Interface: name}, Manager: Ifupdown, Follows: follows, Restore: restore}
	}
	if err := os.MkdirAll(filepath.Join(dir, "run/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	const eth0, wlan0 = "/etc/network/interfaces:8, /etc/network/interfaces:11", "/etc/network/interfaces.d/wlan:1, /etc/network/interfaces.d/wlan:6"
	holds(hold("eth0", eth0, "ifup"), hold("wlan0", wlan0, ""))
	for path, target := range map[string]string{"run/systemd/system/ifup@eth0.service": "/dev/null", "run/systemd/units/invocation:ifup@wlan0.service": "1234"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	holds(hold("wlan0", wlan0, "ifup@wlan0.service"))
}

func TestMarkInterfaces(t *testing.T) {
	dir := interfacesRoot(t)
	before := filesBelow(t, dir)
	h := ifupHandover("eth0", "wlan0")
	if err := h.markInterfaces(); err != nil {
		t.Fatal(err)
	}
	want := filesBelow(t, dir)
	want["etc/network/interfaces"] = `# The loopback.
auto lo
iface lo inet loopback

#bondctl bond0# auto lo \
#bondctl bond0#   eth0
#bondctl bond0+ auto lo
auto lo
allow-hotplug wlan0
#bondctl bond0# iface eth0 inet dhcp
#bondctl bond0# 	# A comment.
#bondctl bond0# 	hostname box
#bondctl bond0# iface eth0 inet6 auto
source interfaces.d/*
# The end.
`
	want["etc/network/interfaces.d/wlan"] = `#bondctl bond0# iface wlan0 inet dhcp
#bondctl bond0+ iface wlan0 inet manual
iface wlan0 inet manual
    wpa-ssid home
#bondctl bond0#     metric 600
    wpa-psk \
secret
#bondctl bond0# iface wlan0 inet6 auto
iface eth1 inet manual
`
	want["etc/network/.interfaces.bondctl-old"] = interfacesText
	want["etc/network/interfaces.d/.wlan.bondctl-old"] = wlanText
	if diff := cmp.Diff(want, filesBelow(t, dir)); diff != "" {
		t.Errorf("marked (-want +got)\n%s", diff)
	}
	if err := h.markInterfaces(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, filesBelow(t, dir)); diff != "" {
		t.Errorf("marked again (-want +got)\n%s", diff)
	}
	if holds, err := (ifUpDown{}).holds(t.Context(), []string{"eth0", "wlan0"}); err != nil || len(holds) > 0 {
		t.Errorf("it still holds %v, %v", holds, err)
	}
	if err := ifupHandover("wlan0").markInterfaces(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(interfacesText, filesBelow(t, dir)["etc/network/interfaces"]); diff != "" {
		t.Errorf("a member that is none any more (-want +got)\n%s", diff)
	}
	if err := h.unmarkInterfaces(); err != nil {
		t.Fatal(err)
	}
	delete(want, "etc/network/interfaces.d/.wlan.bondctl-old")
	before["etc/network/.interfaces.bondctl-old"] = interfacesText // of the time when eth0 was one
	if diff := cmp.Diff(before, filesBelow(t, dir)); diff != "" {
		t.Errorf("unmarked (-want +got)\n%s", diff)
	}
}

func TestLogical(t *testing.T) {
	dir := interfacesRoot(t)
	text := "auto eth0=home /usb*\niface home inet dhcp\niface usb0 inet dhcp\niface eth1 inet dhcp\nallow-hotplug eth2\niface eth2 inet manual\n\tup x\n"
	if err := os.WriteFile(filepath.Join(dir, "etc/network/interfaces"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := readInterfaces("")
	if err != nil {
		t.Fatal(err)
	}
	up := map[string]string{"eth3": "eth1"}
	for name, want := range map[string]string{"eth0": "home", "usb0": "usb0", "eth1": "", "eth2": "eth2", "eth3": "eth1", "wlan0": ""} {
		if got := logical(c, up, name); got != want || (len(ifupStanzas(c, up, name)) > 0) != (want != "") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	h := ifupHandover("eth0", "eth2")
	if err := h.markInterfaces(); err != nil {
		t.Fatal(err)
	}
	const want = "#bondctl bond0# auto eth0=home /usb*\n#bondctl bond0+ auto /usb*\nauto /usb*\n#bondctl bond0# iface home inet dhcp\niface usb0 inet dhcp\n" +
		"iface eth1 inet dhcp\n#bondctl bond0# allow-hotplug eth2\n#bondctl bond0# iface eth2 inet manual\n#bondctl bond0# \tup x\n"
	if diff := cmp.Diff(want, filesBelow(t, dir)["etc/network/interfaces"]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What somebody else writes meanwhile stays, and the file that was kept as well.
func TestUnmarkEdited(t *testing.T) {
	dir := interfacesRoot(t)
	h := ifupHandover("eth0")
	path := filepath.Join(dir, "etc/network/interfaces")
	if err := h.markInterfaces(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(text), "\nauto lo\nallow-hotplug", "\nauto lo eth9\nallow-hotplug", 1) + "iface eth9 inet dhcp\n"
	if err := os.WriteFile(path, []byte(edited), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := h.unmarkInterfaces(); err != nil {
		t.Fatal(err)
	}
	now := filesBelow(t, dir)
	if got, want := now["etc/network/interfaces"], strings.Replace(interfacesText, "  eth0\n", "  eth0\nauto lo eth9\n", 1)+"iface eth9 inet dhcp\n"; got != want {
		t.Errorf("the file is\n%s", got)
	}
	if now["etc/network/.interfaces.bondctl-old"] != interfacesText {
		t.Error("the file as it was isn't kept")
	}
}

func TestIfupdownLines(t *testing.T) {
	interfacesRoot(t)
	h := ifupHandover("eth0", "wlan0")
	h.Holds = []Hold{{Link: owner.Link{Interface: "eth0"}, Restore: ifupUnit("eth0")}}
	want := []string{
		`sed -i -e 5s/^/#/ -e '6c\auto lo' -e 8,11s/^/#/ /etc/network/interfaces`,
		`sed -i -e '1c\iface wlan0 inet manual' -e 3s/^/#/ -e 6s/^/#/ /etc/network/interfaces.d/wlan`,
		`systemctl mask --runtime ifup@eth0.service`,
	}
	got := h.Lines()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestExclusion(t *testing.T) {
	dir := interfacesRoot(t)
	if err := writeFile(filepath.Join(dir, "etc/default/networking"), "#VERBOSE=no\nEXCLUDE_INTERFACES=\"br* eth0\"\n"); err != nil {
		t.Fatal(err)
	}
	before := filesBelow(t, dir)
	one, two := ifupHandover("eth0", "usb0"), ifupHandover("eth1")
	two.Bond = "bond1"
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{one.writeExclusion, `EXCLUDE_INTERFACES="bond0 br* eth0 usb0"`},
		{two.writeExclusion, `EXCLUDE_INTERFACES="bond0 bond1 br* eth0 eth1 usb0"`},
		{one.removeExclusion, `EXCLUDE_INTERFACES="bond1 br* eth0 eth1"`},
		{two.removeExclusion, ""},
		{two.removeExclusion, ""},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(filesBelow(t, dir)[exclusionFile]); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
	if diff := cmp.Diff(before, filesBelow(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Without systemd nobody can be told till the next boot, so nothing is touched.
func TestIfupdownWithoutSystemd(t *testing.T) {
	dir := interfacesRoot(t)
	before := filesBelow(t, dir)
	holds, err := ifUpDown{}.holds(t.Context(), []string{"eth0"})
	if err != nil || len(holds) != 1 || !strings.Contains(holds[0].Obstacle, "/etc/network/interfaces:8") {
		t.Fatalf("%+v, %v", holds, err)
	}
	h := ifupHandover("eth0")
	h.Holds = holds
	for _, do := range []func(context.Context, Handover) error{ifUpDown{}.release, ifUpDown{}.reclaim} {
		if err := do(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, filesBelow(t, dir)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestIfupUnit(t *testing.T) {
	for name, want := range map[string]string{"eth0": "ifup@eth0.service", "eth0.5": "ifup@eth0.5.service", "my-net": `ifup@my\x2dnet.service`, ".x": `ifup@\x2ex.service`} {
		if got := ifupUnit(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// Marks can be taken off whatever the file is.
func FuzzMark(f *testing.F) {
	f.Add(interfacesText)
	f.Add(wlanText)
	f.Add("auto eth0 eth1\\")
	f.Add("iface wlan0\nwpa-x \\\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if unmark(text, "bond0") != text {
			return // it has marks already
		}
		read := func(path string) ([]byte, error) {
			if path == "/i" {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		}
		c, err := ifupdown.Parse("/i", ifupdown.Files{Read: read, Glob: func(string) ([]string, error) { return nil, nil }})
		if err != nil {
			t.Fatal(err)
		}
		edits := interfacesEdits(c, []string{"eth0", "wlan0"})
		marked := mark(text, "bond0", edits["/i"])
		if got := unmark(marked, "bond0"); got != text {
			t.Errorf("%q becomes %q and then %q", text, marked, got)
		}
		after, err := ifupdown.Parse("/i", ifupdown.Files{
			Read: func(string) ([]byte, error) { return []byte(marked), nil }, Glob: func(string) ([]string, error) { return nil, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"eth0", "wlan0"} {
			if found := ifupStanzas(after, map[string]string{name: name}, name); len(found) > 0 {
				t.Errorf("%q becomes %q, where ifup finds %+v", text, marked, found)
			}
		}
	})
}
