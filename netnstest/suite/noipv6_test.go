package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

const bothFamilies = `
member = [{name = "eth0"}, {name = "eth1"}]
[ipv4]
method = "dhcp"
[ipv6]
addresses = ["2001:db8::50/64"]
gateway = "2001:db8::1"
`

// ipv6Off are the sysctls that switch IPv6 off for the bond.
var ipv6Off = map[string][]string{
	"for all":          {"all", "default"},
	"for one that is":  {"bond0"},
	"for one to come":  {"default"},
	"for a member":     {"eth0"},
	"for every member": {"eth0", "eth1"},
}

// TestNoIPv6: where there is no IPv6, or somebody switches it off, IPv4 is as ever, and health says why there is
// no IPv6. It is there when it is switched on. What it is to a member makes no difference.
func TestNoIPv6(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/sys/net/ipv6/conf/all"); errors.Is(err, os.ErrNotExist) {
		h := bothWanted(t)
		h.Start("bondctl", "daemon", "--config", "/etc/bondctl/bond0.toml")
		hasIPv4(t, h)
		netnstest.Eventually(t, healthSays(t, h, "this kernel has no IPv6"))
		other := netnstest.New(t)
		other.Cable("eth0")
		fails(t, other, 1, []string{"add 2001:db8::50/64 to bond0", "this kernel has no IPv6"}, "up", "--once", "--member", "eth0", "--address", "2001:db8::50/64")
		return
	}
	for name, links := range ipv6Off {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := bothWanted(t)
			disable := func(value string) {
				for _, link := range links {
					if err := h.Present(link, true)(); err == nil || link == "all" || link == "default" {
						sysctl(t, h.Namespace, filepath.Join("net/ipv6/conf", link, "disable_ipv6"), value)
					}
				}
			}
			disable("1")
			h.Start("bondctl", "daemon", "--config", "/etc/bondctl/bond0.toml")
			hasIPv4(t, h)
			disable("1") // be the bond there only now
			ofBond := links[0] != "eth0"
			if ofBond {
				netnstest.Eventually(t, healthSays(t, h, "IPv6 is disabled on bond0; sysctl -w net.ipv6.conf.bond0.disable_ipv6=0 enables it"))
				hasIPv4(t, h)
				sysctl(t, h.Namespace, "net/ipv6/conf/bond0/disable_ipv6", "0")
			}
			netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
				if len(st.Addresses) != 2 || st.Addresses[1] != "2001:db8::50/64" || st.Health != "ok" {
					return fmt.Errorf("%s has %v: %s: %s", st.Name, st.Addresses, st.Health, st.HealthReason)
				}
				return nil
			}))
		})
	}
}

// bothWanted makes a host that is to have both families.
func bothWanted(t *testing.T) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.Cable("eth1")
	h.LAN().DHCP()
	writeFile(t, in(h, "/etc/bondctl/bond0.toml"), bothFamilies)
	t.Cleanup(func() { succeeds(t, h, "down") })
	return h
}

// hasIPv4 waits for both members, the leased address and its route.
func hasIPv4(t *testing.T, h *netnstest.Host) {
	t.Helper()
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, says(t, h, func(st bondStatus) error {
		if st.Lease == nil || len(st.Addresses) == 0 || st.Addresses[0] != st.Lease.Address {
			return fmt.Errorf("it was lent %+v, and has %v", st.Lease, st.Addresses)
		}
		return nil
	}))
	netnstest.Eventually(t, defaultRoute(h, netnstest.LANAddr))
}
