package suite

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/netnstest"
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
	netnstest.Eventually(t, func() error {
		if leaseStatus(t, h)["gateway_mac"] == nil {
			return fmt.Errorf("the gateway isn't known yet")
		}
		return nil
	})
	if got := h.Run("ip", "route", "show", "default"); !strings.Contains(got, "via "+netnstest.LANAddr+" dev bond0 proto dhcp") {
		t.Errorf("the default route is %q", got)
	}
	if got := h.Run("ip", "-4", "address", "show", "dev", "bond0"); strings.Contains(got, "valid_lft forever") || !strings.Contains(got, "valid_lft 3") {
		t.Errorf("the address doesn't end with the lease of an hour:\n%s", got)
	}
	ping := h.Ping(200 * time.Millisecond)
	netnstest.Eventually(t, ping.Answered)
	asked := strings.Count(server.Output(), "DHCPREQUEST")
	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	netnstest.Eventually(t, ping.Answered)

	first := keeperOf(t, h)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, ended(first))
	if got := strings.Count(server.Output(), "DHCPREQUEST"); got != asked {
		t.Errorf("the failover cost %d requests, want none: the gateway answers", got-asked)
	}
	tap := h.Tap()
	if o := succeeds(t, h, "up"); o.Stdout != "bond0: nothing to change\n" {
		t.Errorf("a second up says\n%s", o.Stdout)
	}
	netnstest.Eventually(t, wrote(server, "DHCPACK(lan) "+address.Addr().String()))
	netnstest.Eventually(t, func() error {
		if got := strings.Count(server.Output(), "DHCPREQUEST"); got != asked+1 {
			return fmt.Errorf("the successor asked %d times, want once", got-asked)
		}
		return nil
	})
	if changes := tap.Changes(); len(changes) > 0 {
		t.Errorf("the successor asked for changes: %v", changes)
	}
	if got := leaseOf(t, h); got != address {
		t.Errorf("the address is %s, and was %s", got, address)
	}
	if result := ping.Stop(); len(result.Lost) > 1 {
		t.Errorf("%d pings lost: %v", len(result.Lost), result)
	}
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
			pid := keeperOf(t, h)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			netnstest.Eventually(t, ended(pid))
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
			netnstest.Eventually(t, leased(t, h, "192.0.2."))
			if got := leaseOf(t, h); (got == address) != tt.same {
				t.Errorf("the address was %s and is %s; the same: want %t", address, got, tt.same)
			}
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
	if got := h.Run("ip", "route", "show", "default"); got != "" {
		t.Errorf("use_routes is false, and there is %q", got)
	}
	succeeds(t, h, "up", "--member", "eth0", "--address", "192.0.2.10/24")
	netnstest.Eventually(t, func() error {
		if got := addresses(t, h); !slices.Equal(got, []string{"192.0.2.10/24"}) {
			return fmt.Errorf("with a static address there are %v", got)
		}
		return nil
	})
	succeeds(t, h, "up", "--member", "eth0")
	netnstest.Eventually(t, leased(t, h, "192.0.2.1"))
	succeeds(t, h, "up", "--once", "--member", "eth0")
	if got := addresses(t, h); len(got) > 0 {
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
	netnstest.Eventually(t, func() error {
		if got := status(t, h).HealthReason; got != "dhcp: no DHCP server answers" {
			return fmt.Errorf("the health is %q", got)
		}
		return nil
	})
	succeeds(t, h, "down")
	server = h.LAN().DHCP()
	succeeds(t, h, "up", "--member", "eth0")
	netnstest.Eventually(t, leased(t, h, first.String()))
	if got := strings.Count(server.Output(), "DHCPDISCOVER"); got != 1 {
		t.Errorf("%d DHCPDISCOVERs, want 1: the address was given back", got)
	}
}

// leaseStatus is the lease that status shows; nil for none.
func leaseStatus(t *testing.T, h *netnstest.Host) map[string]any {
	t.Helper()
	lease, _ := statusOf[map[string]any](t, h, "bond0")["lease"].(map[string]any)
	return lease
}

// leaseOf is the address that bond0 has by DHCP.
func leaseOf(t *testing.T, h *netnstest.Host) netip.Prefix {
	t.Helper()
	text, _ := leaseStatus(t, h)["address"].(string)
	address, err := netip.ParsePrefix(text)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// leased is a condition for Eventually: bond0 has an address by DHCP that
// begins so, and no other.
func leased(t *testing.T, h *netnstest.Host, begins string) func() error {
	return func() error {
		text, _ := leaseStatus(t, h)["address"].(string)
		if !strings.HasPrefix(text, begins) {
			return fmt.Errorf("the lease is %q, want one that begins with %s", text, begins)
		}
		if diff := cmp.Diff([]string{text}, addresses(t, h)); diff != "" {
			return fmt.Errorf("addresses (-want +got)\n%s", diff)
		}
		return nil
	}
}

// addresses are bond0's of global scope.
func addresses(t *testing.T, h *netnstest.Host) []string {
	t.Helper()
	var list []string
	for _, a := range statusOf[map[string]any](t, h, "bond0")["addresses"].([]any) {
		list = append(list, a.(string))
	}
	return list
}

// healthSays is a condition for Eventually: it is among the reasons for bond0's
// health.
func healthSays(t *testing.T, h *netnstest.Host, want string) func() error {
	return func() error {
		if got := statusOf[map[string]any](t, h, "bond0")["health_reason"].(string); !strings.Contains(got, want) {
			return fmt.Errorf("the health is %q, want %q", got, want)
		}
		return nil
	}
}
