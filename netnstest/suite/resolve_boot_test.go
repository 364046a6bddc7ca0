package suite

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestSystemdNames has a bond's servers in resolv.conf. They stay when the service ends, and go when the
// machine does or, after a power cut, when the next keeper comes, be it another bond's.
func TestSystemdNames(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/usr/local/bin"))
	h.Unpack() // an /etc of its own
	h.Cable("eth0")
	h.Cable("eth1")
	h.Run("install", "-m", "755", netnstest.Program("bondctl"), installed)
	if err := os.Remove(in(h, "/etc/resolv.conf")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	writeFile(t, in(h, "/etc/resolv.conf"), foundConf)
	s := h.Systemd()
	busAnswers(t, s)
	// What systemctl poweroff starts, but for the last step.
	writeFile(t, in(s.Host, "/run/systemd/system/end.target"), "[Unit]\nRequires=shutdown.target\nAfter=shutdown.target\nDefaultDependencies=no\n")
	s.Run("systemctl", "daemon-reload")

	succeeds(t, s.Host, "up", "--member", "eth0", "--address", "192.0.2.10/24", "--dns", netnstest.LANAddr)
	netnstest.Eventually(t, hasServer(s.Host))
	s.Run("systemctl", "stop", unit)
	if err := hasServer(s.Host)(); err != nil {
		t.Errorf("the end of the service takes them back: %v", err)
	}
	for _, once := range [][]string{nil, {"--once"}} {
		s.Run("sh", "-ec", "sed -i s/$(cat /proc/sys/kernel/random/boot_id)/another/ /var/lib/bondctl/resolve.json")
		succeeds(t, s.Host, append([]string{"up", "--member", "eth1", "--address", "192.0.2.11/24", "bond1"}, once...)...)
		netnstest.Eventually(t, hasOriginal(s.Host))
		succeeds(t, s.Host, "down", "bond1")
		succeeds(t, s.Host, "up", "--member", "eth0", "--address", "192.0.2.10/24", "--dns", netnstest.LANAddr)
		netnstest.Eventually(t, hasServer(s.Host))
		s.Run("systemctl", "stop", unit)
	}

	succeeds(t, s.Host, "up", "--member", "eth0", "--address", "192.0.2.10/24", "--dns", netnstest.LANAddr)
	wantKeeper(t, s)
	s.Run("systemctl", "start", "--no-block", "end.target")
	netnstest.Eventually(t, hasOriginal(s.Host))
}

// hasOriginal is a condition for Eventually: resolv.conf is as it was before the bond.
func hasOriginal(h *netnstest.Host) func() error {
	return func() error {
		text, err := os.ReadFile(in(h, "/etc/resolv.conf"))
		if string(text) != foundConf {
			return fmt.Errorf("resolv.conf isn't the original (%w):\n%s", err, text)
		}
		return nil
	}
}

// hasServer is a condition for Eventually: resolv.conf has the LAN's server.
func hasServer(h *netnstest.Host) func() error {
	return func() error {
		text, err := os.ReadFile(in(h, "/etc/resolv.conf"))
		if !strings.Contains(string(text), "nameserver "+netnstest.LANAddr+"\n") {
			return fmt.Errorf("resolv.conf hasn't the bond's server (%w):\n%s", err, text)
		}
		return nil
	}
}
