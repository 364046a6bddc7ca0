package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// What is read here comes from the kernel and not from the program under test.

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
	var states []linkState
	for _, l := range list {
		a := l.Attrs()
		state := linkState{
			Name: a.Name, Index: a.Index, Master: a.MasterIndex,
			Up: a.RawFlags&1 != 0, MAC: a.HardwareAddr.String(), MTU: a.MTU,
		}
		addrs, err := whole(func() ([]netlink.Addr, error) { return nl.AddrList(l, netlink.FAMILY_ALL) })
		if err != nil {
			t.Fatalf("list the addresses of %s: %v", a.Name, err)
		}
		for _, addr := range addrs {
			if !addr.IP.IsLinkLocalUnicast() {
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
