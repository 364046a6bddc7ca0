package suite

import (
	"path/filepath"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestWaitVerb: wait ends once the bond has what is waited for, be it made only then, and says what it lacks where that
// takes too long.
func TestWaitVerb(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	waits := func(args ...string) *netnstest.Process {
		return h.Command("bondctl", append([]string{"wait", "--timeout", "0"}, args...)...).Background()
	}
	link, address, route := waits("--for", "link"), waits(), waits("--for", "route")
	fails(t, h, 1, []string{"bond0: there is no such bond after 10ms", "bondctl up --help"}, "wait", "--timeout", "10ms")
	eth0.Pull()
	succeeds(t, h, "up", "--wait", "0", "--member", "eth0", "--address", "192.0.2.10/24")
	fails(t, h, 1, []string{"bond0 has no link after 10ms: ", "bondctl status bond0"}, "wait", "--timeout", "10ms")
	eth0.Plug()
	for _, p := range []*netnstest.Process{link, address} {
		if err := p.Wait(); err != nil {
			t.Errorf("%v: %s", err, p.Output())
		}
	}
	fails(t, h, 1, []string{"bond0 has no route after 10ms: "}, "wait", "--timeout", "10ms", "--for", "route")
	h.Run("ip", "route", "add", "default", "via", netnstest.LANAddr)
	if err := route.Wait(); err != nil {
		t.Errorf("%v: %s", err, route.Output())
	}
	fails(t, h, 2, []string{"--for"}, "wait", "--for", "lease")
	fails(t, h, 2, []string{"--timeout"}, "wait", "--timeout", "soon")
	succeeds(t, h, "down")

	// A group of the strategy routes has no link of its own, of which the kernel could tell.
	group := waits("uplink", "--for", "route")
	file := filepath.Join(t.TempDir(), "uplink.toml")
	writeFile(t, file, "strategy = \"routes\"\n[[member]]\nname = \"eth0\"\n[member.ipv4]\naddresses = [\"192.0.2.99/24\"]\ngateway = \"192.0.2.1\"\n")
	succeeds(t, h, "up", "uplink", "--config", file)
	if err := group.Wait(); err != nil {
		t.Errorf("%v: %s", err, group.Output())
	}
	succeeds(t, h, "down", "uplink")
}
