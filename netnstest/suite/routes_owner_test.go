package suite

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// TestRoutesClient: a DHCP client that holds a member is stopped, and its lease goes on as the member's, by which servers
// know it; in another network it ends; down starts the client again.
func TestRoutesClient(t *testing.T) {
	t.Parallel()
	h, eth0, server, address := clientHost(t, clientCases[0])
	h.OtherLAN().DHCP()
	was := clientsOf(t, h)[0]
	file := filepath.Join(t.TempDir(), "uplink.toml")
	writeFile(t, file, differentNetworks)
	requests := questions(server, "DHCPREQUEST")
	stream := h.Stream()
	o := succeeds(t, h, "up", "uplink", "--config", file)
	if want := "; its lease of " + address.String() + " goes on\n"; !strings.Contains(o.Stdout, want) {
		t.Errorf("up doesn't say %q:\n%s%s", want, o.Stdout, o.Stderr)
	}
	if found := clientsOf(t, h); len(found) > 0 {
		t.Errorf("there is still %v", found)
	}
	netnstest.Eventually(t, serves(t, h, "eth0", "ok")) // eth1 is leased one by then as well
	netnstest.Eventually(t, func() error {
		if questions(server, "DHCPREQUEST") < requests+2 {
			return errors.New("not both have asked yet")
		}
		return nil
	})
	if got := memberAddress(t, h, "eth0"); got != address {
		t.Errorf("eth0 has %s, and had %s", got, address)
	}
	unbroken(t, stream)
	keepsLease(t, server)

	eth0.Move(h.OtherLAN())
	netnstest.Eventually(t, func() error {
		if st := statusOf[groupStatus](t, h, "uplink").Members[0]; len(st.Addresses) != 1 || st.Addresses[0].Addr() == address {
			return fmt.Errorf("in another network eth0 has %v", st.Addresses)
		}
		return nil
	})
	eth0.Move(h.LAN())
	netnstest.Eventually(t, func() error {
		if st := statusOf[groupStatus](t, h, "uplink").Members[0]; len(st.Addresses) != 1 || st.Addresses[0].Addr() != address {
			return fmt.Errorf("back in the first one eth0 has %v", st.Addresses)
		}
		return nil
	})
	o = succeeds(t, h, "down", "uplink")
	if want := "start " + was.Program + " again on eth0"; !strings.Contains(o.Stdout, want) {
		t.Errorf("down doesn't say %q:\n%s%s", want, o.Stdout, o.Stderr)
	}
	netnstest.Eventually(t, runsOnce(t, h, address))
	netnstest.Eventually(t, sameClient(t, h, was))
}

// routesOfNetworkManager has a group take the members over that NetworkManager looks after. Their addresses stay where they
// are, the kernel does their IPv6, and NetworkManager leaves them alone until down.
func routesOfNetworkManager(t *testing.T, m *netnstest.Machine, s *netnstest.Systemd, dock *netnstest.Dock, wifi *netnstest.WiFi) {
	t.Helper()
	before := nmState(s.Host)
	address, err := addressOf(s.Host, dock.Name)
	if err != nil {
		t.Fatal(err)
	}
	advertise(t, m.LAN(), "lan")
	netnstest.Eventually(t, func() error {
		if has := s.Run("ip", "-6", "route", "show", "default"); strings.Count(has, "\n") != 2 {
			return fmt.Errorf("NetworkManager's default routes:\n%s", has)
		}
		return nil
	})
	session := m.Stream()
	file := in(s.Host, "/etc/bondctl/uplink.toml")
	writeFile(t, file, fmt.Sprintf("strategy = \"routes\"\nupdelay = 100\n[[member]]\nname = %q\n[[member]]\nname = %q\n", dock.Name, wifi.Name))
	refused := bondctl(t, s.Host, "up", "uplink")
	if want := "NetworkManager looks after eth0, by connection \"dock\""; refused.Status != 1 || !strings.Contains(refused.Stderr, want) {
		t.Errorf("up isn't refused with %q: %+v", want, refused)
	}
	o := succeeds(t, s.Host, "up", "uplink", "--take-over", "--wait", "60s")
	t.Log("\n" + o.Stdout + o.Stderr)
	handedOver := func() {
		t.Helper()
		netnstest.Eventually(t, serves(t, s.Host, dock.Name, "ok"))
		netnstest.Eventually(t, nmHas(s.Host, dock.Name+":unmanaged:", wifi.Name+":unmanaged:"))
		netnstest.Eventually(t, defaults6(s.Host, dock.Name+" 100", wifi.Name+" 101")) // which the kernel does now
	}
	handedOver()
	if got := memberAddress(t, s.Host, dock.Name); got != address {
		t.Errorf("%s has %s, and had %s", dock.Name, got, address)
	}
	unbroken(t, session)
	dock.Remove()
	netnstest.Eventually(t, serves(t, s.Host, wifi.Name, "degraded"))
	netnstest.Eventually(t, leaves(s.Host, wifi.Name))
	dock.Insert()
	handedOver()
	t.Log("\n" + succeeds(t, s.Host, "status", "uplink").Stdout)
	succeeds(t, s.Host, "down", "uplink")
	netnstest.Eventually(t, func() error {
		if after := nmState(s.Host); before != after {
			return fmt.Errorf("NetworkManager had\n%s\nand has\n%s", before, after)
		}
		return nil
	})
}
