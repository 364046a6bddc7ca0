package manager

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBystanders(t *testing.T) {
	tests := map[string]struct {
		unit  string
		files map[string]string
		want  string // of all that is said, by a word of each
	}{
		"none runs":            {"", nil, ""},
		"connman":              {"connman.service", nil, "connman eth0, connman wlan0"},
		"connman leaves it":    {"connman.service", map[string]string{"etc/connman/main.conf": "[General]\nNetworkInterfaceBlacklist = eth,usb0\n"}, "connman wlan0"},
		"iwd alone":            {"iwd.service", nil, ""},
		"iwd with addresses":   {"iwd.service", map[string]string{"etc/iwd/main.conf": "[Other]\nEnableNetworkConfiguration=false\n[General]\nEnableNetworkConfiguration=true\n"}, "iwd wlan0"},
		"iwd without them":     {"iwd.service", map[string]string{"etc/iwd/main.conf": "[General]\nEnableNetworkConfiguration=false\n"}, ""},
		"iwd as it was in 1.0": {"iwd.service", map[string]string{"etc/iwd/main.conf": "[General]\nenable_network_config=1\n"}, "iwd wlan0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := tempRoot(t)
			for _, folder := range []string{"run/systemd/units", "sys/class/net/eth0", "sys/class/net/wlan0/phy80211"} {
				if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if tt.unit != "" {
				if err := os.Symlink("1", filepath.Join(dir, "run/systemd/units/invocation:"+tt.unit)); err != nil {
					t.Fatal(err)
				}
			}
			for path, text := range tt.files {
				if err := writeFile(filepath.Join(dir, path), text); err != nil {
					t.Fatal(err)
				}
			}
			var holds []Hold
			for _, b := range backends {
				if b.name != Connman && b.name != IWD || !b.runs() {
					continue
				}
				found, err := b.holds(t.Context(), []string{"eth0", "wlan0", "gone0"})
				if err != nil {
					t.Fatal(err)
				}
				holds = append(holds, found...)
			}
			var got []string
			for _, h := range holds {
				got = append(got, h.Manager+" "+h.Interface)
				if !strings.Contains(h.Obstacle, "systemctl restart "+h.Manager) || !strings.Contains(h.Obstacle, h.Interface) {
					t.Errorf("%s doesn't say what ends it", h.Obstacle)
				}
			}
			if text := strings.Join(got, ", "); text != tt.want {
				t.Errorf("%q, want %q", text, tt.want)
			}
		})
	}
}
