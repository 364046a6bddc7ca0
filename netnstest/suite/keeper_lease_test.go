package suite

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"golang.org/x/sys/unix"
)

// TestKeeperLease: the keeper has an address lent, keeps it over a failover on
// which nobody needs to be asked but the gateway, a keeper that is killed and
// its successor have it still, and down gives it back.
func TestKeeperLease(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	server := h.LAN().DHCP()
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	succeeds(t, h, "up", "--dhcp", "--fail-over-mac", "active", "--member", "eth0", "--member", "eth1")
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	address := leaseOf(t, h)
	netnstest.Eventually(t, gatewayKnown(t, h))
	if got := h.Run("ip", "route", "show", "default"); !strings.Contains(got, "via "+netnstest.LANAddr+" dev bond0 proto dhcp") {
		t.Errorf("the default route is %q", got)
	}
	if got := h.Run("ip", "-4", "address", "show", "dev", "bond0"); strings.Contains(got, "valid_lft forever") || !strings.Contains(got, "valid_lft 3") {
		t.Errorf("the address doesn't end with the lease of an hour:\n%s", got)
	}
	pings := startPings(t, h)
	asked := questions(server, "DHCPREQUEST")
	pings.goesOver("eth1", eth0.Pull)
	first := keeperOf(t, h)
	netnstest.Eventually(t, noted(t, h, "eth1"))
	netnstest.Eventually(t, idle(first)) // whatever it asks upon a failover, it has asked
	killed(t, first)
	// None, where the gateway answered within a tenth of a second.
	t.Logf("the failover cost %d requests", questions(server, "DHCPREQUEST")-asked)
	asked = questions(server, "DHCPREQUEST")
	tap := h.Tap()
	// How the bond fares is said of it with its new keeper.
	const fares = "bond0: degraded, eth1 active (the only link): eth0 has no link"
	if o := succeeds(t, h, "up"); !strings.HasPrefix(o.Stdout, nothingToChange+fares) || strings.Contains(o.Stdout, "keeper has ended") {
		t.Errorf("a second up says\n%s", o.Stdout)
	}
	second := keeperOf(t, h)
	netnstest.Eventually(t, func() error {
		if got := questions(server, "DHCPREQUEST"); got == asked {
			return errors.New("the successor hasn't asked yet")
		}
		return nil
	})
	netnstest.Eventually(t, idle(second))
	for _, change := range tap.Changes() {
		if change != unix.RTM_NEWADDR { // that the address lives as long as the lease, which is new
			t.Errorf("the successor asked for a change: %v", change)
		}
	}
	if got := leaseOf(t, h); got != address {
		t.Errorf("the address is %s, and was %s", got, address)
	}
	pings.stop()
	o := succeeds(t, h, "down")
	netnstest.Eventually(t, wrote(server, "DHCPRELEASE(lan) "+address.Addr().String()))
	if o.Stderr != "" {
		t.Errorf("down says %q", o.Stderr)
	}
}

// TestLeaseIdentity: the bond's MAC follows the active slave. To a server that
// goes by client identifier it is the same client all the same; one that goes by
// MAC takes it for another one when it is asked next, and gives it another
// address.
func TestLeaseIdentity(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		same bool
	}{
		{"by client identifier", nil, true},
		{"by MAC", []string{"--dhcp-ignore-clid"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t)
			server := h.LAN().DHCP(tt.args...)
			eth0 := h.Cable("eth0")
			eth1 := h.Cable("eth1")
			succeeds(t, h, "up", "--dhcp", "--fail-over-mac", "active", "--member", "eth0", "--member", "eth1")
			t.Cleanup(func() { bondctl(t, h, "down") })
			netnstest.Eventually(t, leased(t, h, "192.0.2."))
			address := leaseOf(t, h)
			netnstest.Eventually(t, wrote(server, fmt.Sprintf("DHCPACK(lan) %s %s", address.Addr(), eth0.MAC)))
			eth0.Pull()
			netnstest.Eventually(t, active(h, "eth1"))
			// The next keeper asks for the lease at its start, as this one
			// would when it is time to renew it.
			killed(t, keeperOf(t, h))
			succeeds(t, h, "up")
			netnstest.Eventually(t, wrote(server, eth1.MAC.String()))
			netnstest.Eventually(t, func() error {
				for line := range strings.Lines(server.Output()) {
					if strings.Contains(line, "DHCPACK(lan)") && strings.Contains(line, eth1.MAC.String()) {
						return nil
					}
				}
				return fmt.Errorf("nothing was lent to %s yet", eth1.MAC)
			})
			netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
				if st.Lease == nil || (st.Lease.Address == address.String()) != tt.same {
					return fmt.Errorf("the address was %s, and the lease is %+v; the same: want %t", address, st.Lease, tt.same)
				}
				return nil
			}))
		})
	}
}

// A lease that is lost is taken from the bond, and what is leased is used as
// the configuration says.
func TestKeeperLeaseUse(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.LAN().DHCP()
	h.Cable("eth0")
	file := filepath.Join(t.TempDir(), "lease.toml")
	writeFile(t, file, "[[member]]\nname = \"eth0\"\n[ipv4]\nuse_routes = false\n")
	succeeds(t, h, "up", "--config", file)
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	netnstest.Eventually(t, idle(keeperOf(t, h))) // it has done what it ever will
	if got := h.Run("ip", "route", "show", "default"); got != "" {
		t.Errorf("use_routes is false, and there is %q", got)
	}
	succeeds(t, h, "up", "--member", "eth0", "--address", "192.0.2.10/24")
	netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
		if !slices.Equal(st.Addresses, []string{"192.0.2.10/24"}) {
			return fmt.Errorf("with a static address there are %v", st.Addresses)
		}
		return nil
	}))
	succeeds(t, h, "up", "--member", "eth0")
	netnstest.Eventually(t, leased(t, h, "192.0.2.1"))
	succeeds(t, h, "up", "--once", "--member", "eth0", "--verify", "0") // which is the last path
	if got := status(t, h).Addresses; len(got) > 0 {
		t.Errorf("without a keeper there are %v", got)
	}
	succeeds(t, h, "down")
}

// A network that is silent, or not there, is said; the keeper asks at once
// when there is one.
func TestKeeperSilentServer(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	succeeds(t, h, "up", "--member", "eth0")
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, healthSays(t, h, "dhcp: no DHCP server answers"))
	netnstest.Eventually(t, happened(t, h, "trouble dhcp "))
	eth0.Pull()
	netnstest.Eventually(t, active(h, ""))
	h.LAN().DHCP()
	eth0.Plug()
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	netnstest.Eventually(t, happened(t, h, "mended  dhcp"))
	netnstest.Eventually(t, healthSays(t, h, "the only member works"))
}

// A lease that was given back isn't held: it is wished for, and nobody is told
// that it goes on where no server answers.
func TestKeeperReleased(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	server := h.LAN().DHCP()
	h.Cable("eth0")
	succeeds(t, h, "up", "--member", "eth0")
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, leased(t, h, "192.0.2."))
	first := leaseOf(t, h)
	succeeds(t, h, "down")
	netnstest.Eventually(t, wrote(server, "DHCPRELEASE(lan) "+first.Addr().String()))
	server.Stop()
	succeeds(t, h, "up", "--member", "eth0")
	netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
		if !strings.Contains(st.HealthReason, "dhcp: no DHCP server answers; dhcp: asking servers since ") ||
			!strings.HasSuffix(st.HealthReason, " for an address") {
			return fmt.Errorf("the health is %q", st.HealthReason)
		}
		return nil
	}))
	succeeds(t, h, "down")
	server = h.LAN().DHCP()
	succeeds(t, h, "up", "--member", "eth0")
	netnstest.Eventually(t, leased(t, h, first.String()))
	if got := questions(server, "DHCPDISCOVER"); got != 1 {
		t.Errorf("%d DHCPDISCOVERs, want 1: the address was given back", got)
	}
}
