package suite

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestCable(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	linkUp(t, h, "eth0")
	addAddress(t, h, "192.0.2.10/24", "eth0")
	netnstest.Eventually(t, h.Carrier("eth0", true))

	p := h.Ping(100 * time.Millisecond)
	netnstest.Eventually(t, p.Answered)
	eth0.Pull()
	netnstest.Eventually(t, h.Carrier("eth0", false))
	eth0.Plug()
	netnstest.Eventually(t, h.Carrier("eth0", true))
	netnstest.Eventually(t, p.Answered)
	t.Log(p.Stop())
}

func TestRemovedNIC(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	before := h.Run("ip", "-o", "link", "show", "eth0")
	if !strings.Contains(before, eth0.MAC.String()) {
		t.Errorf("eth0 hasn't MAC %s: %s", eth0.MAC, before)
	}
	eth0.Remove()
	netnstest.Eventually(t, h.Present("eth0", false))
	eth0.Insert()
	netnstest.Eventually(t, h.Present("eth0", true))
	after := h.Run("ip", "-o", "link", "show", "eth0")
	if !strings.Contains(after, eth0.MAC.String()) {
		t.Errorf("eth0 came back without MAC %s: %s", eth0.MAC, after)
	}
}

func TestDHCP(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	linkUp(t, h, "eth0")
	h.LAN().DHCP()
	h.Run("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true")
}

// TestKillAt kills ip at the second of three changes.
func TestKillAt(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	batch := filepath.Join(t.TempDir(), "batch")
	writeFile(t, batch, "address add 192.0.2.1 dev lo\naddress show\naddress add 192.0.2.2 dev lo\naddress add 192.0.2.3 dev lo\n")
	cmd := h.Command("ip", "-batch", batch)
	killer := cmd.Supervise()
	killer.KillAt(2)
	if o := run(t, cmd); !killer.Killed() || killer.Made() != 2 {
		t.Errorf("%d changes, killed %t, exit status %d\n%s", killer.Made(), killer.Killed(), o.Status, o.Stderr)
	}
	if got := link(t, h, "lo").Addresses; !slices.Contains(got, "192.0.2.1/32") || slices.Contains(got, "192.0.2.2/32") {
		t.Errorf("lo has %v, want the first of three", got)
	}
}

func TestTap(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	tap := h.Tap()
	nl := h.Netlink()
	if _, err := nl.LinkList(); err != nil {
		t.Fatal(err)
	}
	if got := tap.Changes(); len(got) != 0 {
		t.Errorf("changes by asking only: %v", got)
	}
	bond := netlink.NewLinkBond(netlink.LinkAttrs{Name: "b0"})
	if err := nl.LinkAdd(bond); err != nil {
		t.Fatal(err)
	}
	if err := nl.LinkDel(bond); err != nil {
		t.Fatal(err)
	}
	got := tap.Changes()
	want := []netnstest.Change{unix.RTM_NEWLINK, unix.RTM_DELLINK}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}
