package netnstest

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// Dock is a NIC in a dock, which hot-plugs as real hardware does: the device appears on its bus,
// the driver makes the link. Behind it is the LAN.
type Dock struct {
	// Name is the link's as it appeared: usb0 for the first dock on USB, eth0 on PCI. Where a
	// test runs udev, that may give it another one.
	Name string
	MAC  net.HardwareAddr // its permanent one

	m      *Machine
	device map[string]any // what device_add gets
	index  int            // the link's
	in     bool
}

// USBDock plugs a dock into USB. Its driver is cdc_ether, its link usb0.
func (m *Machine) USBDock() *Dock {
	m.t.Helper()
	return m.dock(map[string]any{"driver": "usb-net", "bus": usbBus + ".0"})
}

// Models of a NIC in a PCI dock, as QEMU and their Linux drivers call them.
const (
	E1000E    = "e1000e"         // a real one: 1000 Mb/s, full duplex to ethtool
	VirtioNet = "virtio-net-pci" // speed and duplex unknown; its cable can be pulled
)

// PCIDock plugs a dock into PCI, as Thunderbolt ones are: one at a time. Its link is eth0.
func (m *Machine) PCIDock(model string) *Dock {
	m.t.Helper()
	return m.dock(map[string]any{"driver": model, "bus": pciSlot, "romfile": ""})
}

func (m *Machine) dock(device map[string]any) *Dock {
	m.t.Helper()
	m.docks++
	id := fmt.Sprintf("dock%d", m.docks)
	d := &Dock{MAC: macOf("machine", id), m: m, device: device}
	device["id"] = id
	device["netdev"] = id
	device["mac"] = d.MAC.String()
	d.Insert()
	m.t.Cleanup(func() {
		if d.in {
			d.Remove()
		}
	})
	return d
}

func (d *Dock) id() string { return d.device["id"].(string) }

// Insert plugs the dock in and waits for its link.
func (d *Dock) Insert() {
	d.m.t.Helper()
	err := d.m.qmp.do("netdev_add", map[string]any{"type": "hubport", "id": d.id(), "hubid": 0})
	if err == nil {
		err = d.m.qmp.do("device_add", d.device)
	}
	if err != nil {
		d.m.t.Fatalf("insert %s: %v", d.id(), err)
	}
	d.in = true
	Eventually(d.m.t, d.findLink)
}

// findLink finds the dock's link, by its permanent MAC: its present one may be a bond's by now, and
// a bond may have this one.
func (d *Dock) findLink() error {
	links, err := d.m.nl.LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		if a := link.Attrs(); bytes.Equal(a.PermHWAddr, d.MAC) {
			d.Name, d.index = a.Name, a.Index
			return nil
		}
	}
	return fmt.Errorf("no link has the permanent MAC %s", d.MAC)
}

// linkGone tells whether the link that the dock had is gone.
func (d *Dock) linkGone() error {
	_, err := d.m.nl.LinkByIndex(d.index)
	if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
		return nil
	}
	return fmt.Errorf("the link of %s is still there (%w)", d.id(), err)
}

// Remove lifts the machine out of its dock and waits until the link is gone.
func (d *Dock) Remove() {
	d.m.t.Helper()
	d.in = false
	err := d.m.qmp.remove(d.id())
	if err == nil {
		err = d.m.qmp.do("netdev_del", map[string]any{"id": d.id()})
	}
	if err != nil {
		d.m.t.Fatalf("remove dock %s: %v", d.Name, err)
	}
	Eventually(d.m.t, d.linkGone)
}

// Pull pulls the cable out of the dock. Only [VirtioNet] notices: QEMU's other NICs keep their
// carrier.
func (d *Dock) Pull() {
	d.m.t.Helper()
	d.setLink(false)
}

// Plug plugs the cable in again.
func (d *Dock) Plug() {
	d.m.t.Helper()
	d.setLink(true)
}

func (d *Dock) setLink(up bool) {
	d.m.t.Helper()
	if err := d.m.qmp.do("set_link", map[string]any{"name": d.id(), "up": up}); err != nil {
		d.m.t.Fatalf("pull or plug the cable of dock %s: %v", d.Name, err)
	}
}
