package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// What is read and done here is by the kernel, and not by the program under test.

// linkState is what bondctl may change of a link.
type linkState struct {
	Name      string
	Index     int
	Master    int
	Up        bool
	MAC       string
	MTU       int
	Addresses []string
}

// links are the links of a host with their addresses, IPv6's link-local ones apart: those come and
// go with a link's carrier.
func links(t *testing.T, h *netnstest.Host) []linkState {
	t.Helper()
	nl := h.Netlink()
	list, err := whole(nl.LinkList)
	if err != nil {
		t.Fatalf("list links: %v", err)
	}
	addrs, err := whole(func() ([]netlink.Addr, error) { return nl.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		t.Fatalf("list addresses: %v", err)
	}
	var states []linkState
	for _, l := range list {
		a := l.Attrs()
		state := linkState{
			Name: a.Name, Index: a.Index, Master: a.MasterIndex,
			Up: a.RawFlags&unix.IFF_UP != 0, MAC: a.HardwareAddr.String(), MTU: a.MTU,
		}
		for _, addr := range addrs {
			if addr.LinkIndex == a.Index && !addr.IP.IsLinkLocalUnicast() {
				state.Addresses = append(state.Addresses, addr.IPNet.String())
			}
		}
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b linkState) int { return strings.Compare(a.Name, b.Name) })
	return states
}

// whole repeats a dump that a change has interrupted.
func whole[T any](dump func() ([]T, error)) ([]T, error) {
	for {
		list, err := dump()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return list, err
		}
	}
}

// link is one link of a host.
func link(t *testing.T, h *netnstest.Host, name string) linkState {
	t.Helper()
	all := links(t, h)
	i := slices.IndexFunc(all, func(l linkState) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("there is no %s", name)
	}
	return all[i]
}

// sameLinks compares the links of a host with what they were.
func sameLinks(t *testing.T, h *netnstest.Host, before []linkState) {
	t.Helper()
	if diff := cmp.Diff(before, links(t, h)); diff != "" {
		t.Errorf("links (-before +after):\n%s", diff)
	}
}

// attribute reads a file below /sys/class/net. What can't be read is empty.
func attribute(h *netnstest.Host, path ...string) string {
	data, _ := os.ReadFile(filepath.Join(append([]string{h.Sys(), "class", "net"}, path...)...))
	return strings.TrimSpace(string(data))
}

// sysfs is a condition for Eventually: the attribute has that value.
func sysfs(h *netnstest.Host, want string, path ...string) func() error {
	return func() error {
		if got := attribute(h, path...); got != want {
			return fmt.Errorf("%s is %q, want %q", filepath.Join(path...), got, want)
		}
		return nil
	}
}

// active is a condition for Eventually: bond0 sends by that slave; by none if it is "".
func active(h *netnstest.Host, slave string) func() error {
	return sysfs(h, slave, "bond0", "bonding", "active_slave")
}

// usable is a condition for Eventually: bond0 could send by each of these slaves.
func usable(h *netnstest.Host, slaves ...string) func() error {
	return func() error {
		for _, slave := range slaves {
			if err := sysfs(h, "up", slave, "bonding_slave", "mii_status")(); err != nil {
				return err
			}
		}
		return nil
	}
}

// running is a condition for Eventually: bond0 has an active slave, and all of its slaves are up.
func running(h *netnstest.Host) func() error {
	return func() error {
		if attribute(h, "bond0", "bonding", "active_slave") == "" {
			return errors.New("bond0 has no active slave")
		}
		return usable(h, strings.Fields(attribute(h, "bond0", "bonding", "slaves"))...)()
	}
}

// isUp is a condition for Eventually: the link is set up.
func isUp(h *netnstest.Host, name string) func() error {
	return func() error {
		flags, err := strconv.ParseUint(attribute(h, name, "flags"), 0, 32)
		if err == nil && flags&unix.IFF_UP == 0 {
			err = fmt.Errorf("%s is down", name)
		}
		return err
	}
}

// failures is how often the kernel has seen a slave lose its link.
func failures(h *netnstest.Host, slave string) int {
	n, _ := strconv.Atoi(attribute(h, slave, "bonding_slave", "link_failure_count"))
	return n
}

// settled says whether the kernel has noticed the state of each slave, which is up or down, and
// sends by the one that is to be active. The kernel does both under one lock, and holds it to answer
// this one question: so a slave that it has seen come back and didn't choose is one that it won't.
func settled(h *netnstest.Host, mii map[string]string, active string) error {
	list, err := whole(h.Netlink().LinkList)
	if err != nil {
		return err
	}
	names, got := map[int]string{}, map[string]string{}
	bond := &netlink.Bond{}
	for _, l := range list {
		a := l.Attrs()
		names[a.Index] = a.Name
		if slave, ok := a.Slave.(*netlink.BondSlave); ok {
			got[a.Name] = strings.ToLower(slave.MiiStatus.String())
		}
		if b, ok := l.(*netlink.Bond); ok {
			bond = b
		}
	}
	if diff := cmp.Diff(mii, got); diff != "" {
		return fmt.Errorf("slaves (-want +got):\n%s", diff)
	}
	if got := names[bond.ActiveSlave]; got != active {
		return fmt.Errorf("the active slave is %q, want %q", got, active)
	}
	return nil
}

// queues are marks of the slaves: queue ids, which the kernel forgets when it releases a slave.
var queues = map[string]string{"eth0": "3", "eth1": "4"}

func mark(t *testing.T, h *netnstest.Host) {
	t.Helper()
	for slave, id := range queues {
		err := os.WriteFile(filepath.Join(h.Sys(), "class", "net", "bond0", "bonding", "queue_id"), []byte(slave+":"+id), 0)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// marked says whether the slaves have been in the bond ever since.
func marked(h *netnstest.Host) bool {
	for slave, id := range queues {
		if attribute(h, slave, "bonding_slave", "queue_id") != id {
			return false
		}
	}
	return true
}

// defaultRoute is a condition for Eventually: it is the only one, by that gateway over bond0.
func defaultRoute(h *netnstest.Host, gateway string) func() error {
	return func() error {
		routes, err := whole(func() ([]netlink.Route, error) { return h.Netlink().RouteList(nil, netlink.FAMILY_V4) })
		if err != nil {
			return err
		}
		var got []string
		for _, r := range routes {
			if r.Dst == nil || r.Dst.IP.IsUnspecified() {
				got = append(got, fmt.Sprintf("via %s over link %d", r.Gw, r.LinkIndex))
			}
		}
		want := []string{fmt.Sprintf("via %s over link %s", gateway, attribute(h, "bond0", "ifindex"))}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("default routes (-want +got):\n%s", diff)
		}
		return nil
	}
}

// What somebody else does, without a program to be started for it.

// change does something to a link.
func change(t *testing.T, h *netnstest.Host, name, verb string, do func(nl *netlink.Handle, l netlink.Link) error) {
	t.Helper()
	nl := h.Netlink()
	l, err := nl.LinkByName(name)
	if err == nil {
		err = do(nl, l)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", verb, name, err)
	}
}

func linkUp(t *testing.T, h *netnstest.Host, names ...string) {
	t.Helper()
	for _, name := range names {
		change(t, h, name, "set up", (*netlink.Handle).LinkSetUp)
	}
}

func linkDown(t *testing.T, h *netnstest.Host, names ...string) {
	t.Helper()
	for _, name := range names {
		change(t, h, name, "set down", (*netlink.Handle).LinkSetDown)
	}
}

// release takes a link out of its master.
func release(t *testing.T, h *netnstest.Host, name string) {
	t.Helper()
	change(t, h, name, "release", (*netlink.Handle).LinkSetNoMaster)
}

func deleteLink(t *testing.T, h *netnstest.Host, name string) {
	t.Helper()
	change(t, h, name, "delete", (*netlink.Handle).LinkDel)
}

// addAddress adds an address as of 192.0.2.10/24 to a link.
func addAddress(t *testing.T, h *netnstest.Host, address, name string) {
	t.Helper()
	change(t, h, name, "add "+address+" to", func(nl *netlink.Handle, l netlink.Link) error {
		a, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		return nl.AddrAdd(l, a)
	})
}

// sysctl sets a value of the namespace's kernel.
func sysctl(t *testing.T, n *netnstest.Namespace, name, value string) {
	t.Helper()
	n.Do(func() {
		if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	})
}

// block sets whether rfkill blocks wlan0, as the rfkill program and a laptop's key do.
func block(t *testing.T, m *netnstest.Machine, soft string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.Sys(), "class", "net", "wlan0", "phy80211", "rfkill*", "soft"))
	if err != nil || len(files) != 1 {
		t.Fatalf("wlan0 has rfkill switches %v, %v; want one", files, err)
	}
	if err := os.WriteFile(files[0], []byte(soft), 0); err != nil {
		t.Fatal(err)
	}
}
