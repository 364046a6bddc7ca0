package known

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sprintf = fmt.Sprintf

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	profile := func(id, uuid, more string) string {
		return strings.NewReplacer("Home", id, "u1", uuid, "ssid=lab", "ssid="+id).Replace(profileHead) + more
	}
	for path, text := range map[string]string{
		"/etc/NetworkManager/system-connections/a.nmconnection":     profile("a", "1", ""),
		"/etc/NetworkManager/system-connections/b":                  profile("b", "2", "[connection]\nautoconnect-priority=5\n"),
		"/etc/NetworkManager/system-connections/.hidden":            "nonsense",
		"/etc/NetworkManager/system-connections/backup~":            "nonsense",
		"/etc/NetworkManager/system-connections/cable.nmconnection": "[connection]\ntype=ethernet\n",
		"/etc/NetworkManager/system-connections/keyring":            profile("keyring", "3", "[wifi-security]\nkey-mgmt=wpa-psk\npsk-flags=1\n"),
		"/etc/NetworkManager/system-connections/broken":             "nonsense",
		"/run/NetworkManager/system-connections/a.nmconnection":     profile("older", "1", ""),
		"/usr/lib/NetworkManager/system-connections/c.nmconnection": profile("c", "4", ""),
		"/var/lib/iwd/d.psk":      "[Security]\nPassphrase=12345678\n",
		"/var/lib/iwd/e.psk":      "",
		"/var/lib/iwd/.known.txt": "nonsense",
		"/var/lib/iwd/f.psk":      "[Security]\nPassphrase=12345678\n",
	} {
		writeFile(t, filepath.Join(root, path), text)
	}
	if err := os.Chmod(filepath.Join(root, "/var/lib/iwd/f.psk"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("d.psk", filepath.Join(root, "/var/lib/iwd/g.psk")); err != nil {
		t.Fatal(err)
	}
	networks, missing, err := find(root, wlan0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range networks {
		got = append(got, string(n.SSID)+" "+n.Source)
	}
	for _, m := range missing {
		got = append(got, m.Name+" "+m.Source+": "+m.Reason)
	}
	want := []string{
		"b /etc/NetworkManager/system-connections/b",
		"a /etc/NetworkManager/system-connections/a.nmconnection",
		"c /usr/lib/NetworkManager/system-connections/c.nmconnection",
		"d /var/lib/iwd/d.psk",
		"broken /etc/NetworkManager/system-connections/broken: line 1: there is no [GROUP] above it",
		"keyring /etc/NetworkManager/system-connections/keyring: the keyring of a user has its psk (psk-flags=1)",
		"e /var/lib/iwd/e.psk: there is no Passphrase in it",
		"f.psk /var/lib/iwd/f.psk: others than root may write to it",
		"g.psk /var/lib/iwd/g.psk: it is a symbolic link",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if networks, missing, err := find(t.TempDir(), wlan0); len(networks)+len(missing) > 0 || err != nil {
		t.Errorf("an empty system has %v, %v, %v", networks, missing, err)
	}
}

func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wpa.conf")
	for range 2 {
		if err := write(file, all[:2]); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(Format(all[:2])), string(text)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := write(link, all[:3]); err == nil {
		t.Error("a link is followed")
	}
}
