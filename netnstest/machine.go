package netnstest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"
)

// Machine is the virtual machine itself, as a [Host]: its network namespace is the kernel's first
// one, the only one in which hardware appears.
type Machine struct {
	*Host
	qmp   *monitor
	docks int
	wifi  int // the radios in use
}

// machineMu holds the one machine that there is.
var machineMu sync.Mutex

var loadMachineModules = sync.OnceValue(func() error { return loadModules(machineModules) })

// NewMachine waits until no other test has the machine, and takes it. When the test ends, all of
// its docks, radios and links that were made since are gone. Under BONDCTL_LAB=native, where there
// is no such machine, the test is skipped.
func NewMachine(t TB, opts ...HostOption) *Machine {
	t.Helper()
	if !InGuest() {
		Skip(t, "needs docks or Wi-Fi, which only the lab's virtual machine has (%s=%s)", envMode, os.Getenv(envMode))
	}
	machineMu.Lock()
	t.Cleanup(machineMu.Unlock)
	if err := loadMachineModules(); err != nil {
		t.Fatalf("%v", err)
	}
	m := &Machine{Host: newHost(t, 0, opts)}
	var err error
	if m.qmp, err = openMonitor(); err != nil {
		t.Fatalf("open QEMU's monitor: %v", err)
	}
	t.Cleanup(m.qmp.close)
	if err := m.nameUplink(); err != nil {
		t.Fatalf("name the uplink: %v", err)
	}
	before, err := m.linkNames()
	if err != nil {
		t.Fatalf("list links: %v", err)
	}
	t.Cleanup(func() {
		if err := m.deleteLinks(before); err != nil {
			t.Errorf("clean up the machine: %v", err)
		}
	})
	if err := m.uplink(); err != nil {
		t.Fatalf("connect the docks' hub to the LAN: %v", err)
	}
	return m
}

// nameUplink gives the NIC that is on the docks' hub a name that no NIC of a test has: it couldn't
// come back from the LAN by one that is taken.
func (m *Machine) nameUplink() error {
	links, err := m.nl.LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		if link.Attrs().HardwareAddr.String() == uplinkMAC {
			return m.nl.LinkSetName(link, uplinkName)
		}
	}
	return fmt.Errorf("no NIC has MAC %s", uplinkMAC)
}

// uplink moves that NIC into the LAN. It returns by itself when the LAN's namespace ends, but that
// comes later than the next test.
func (m *Machine) uplink() error {
	link, err := m.nl.LinkByName(uplinkName)
	if err != nil {
		return err
	}
	lan := m.LAN()
	if err := m.nl.LinkSetNsFd(link, lan.net); err != nil {
		return err
	}
	m.t.Cleanup(func() {
		if err := m.takeBack(uplinkName); err != nil {
			m.t.Errorf("take the uplink back: %v", err)
		}
	})
	return lan.join(uplinkName)
}

// takeBack moves a link of the LAN back.
func (m *Machine) takeBack(name string) error {
	link, err := m.lan.nl.LinkByName(name)
	if err != nil {
		return err
	}
	return m.lan.nl.LinkSetNsFd(link, m.net)
}

func (m *Machine) linkNames() ([]string, error) {
	links, err := m.nl.LinkList()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	return names, nil
}

// deleteLinks deletes the links that weren't there before, bonds first and so that they give up
// their slaves. Deleting one may delete another.
func (m *Machine) deleteLinks(before []string) error {
	links, err := m.nl.LinkList()
	if err != nil {
		return err
	}
	slices.SortStableFunc(links, func(a, b netlink.Link) int { return bondFirst(a) - bondFirst(b) })
	var errs []error
	for _, l := range links {
		if slices.Contains(before, l.Attrs().Name) {
			continue
		}
		err := m.nl.LinkDel(l)
		if _, gone := m.nl.LinkByIndex(l.Attrs().Index); err != nil && gone == nil {
			errs = append(errs, fmt.Errorf("delete %s: %w", l.Attrs().Name, err))
		}
	}
	return errors.Join(errs...)
}

func bondFirst(l netlink.Link) int {
	if l.Type() == "bond" {
		return 0
	}
	return 1
}
