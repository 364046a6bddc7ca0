package netnstest

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Cable is a NIC of a host and the cable from it to a LAN: a veth whose far end is a port of
// the LAN's switch. The NIC is down at first, as any is.
type Cable struct {
	// Name and MAC are the NIC's, kept over Remove and Insert.
	Name string
	MAC  net.HardwareAddr

	h   *Host
	lan *LAN
}

// Cable adds a NIC of that name, and a cable from it to the LAN.
func (h *Host) Cable(name string) *Cable {
	h.t.Helper()
	return h.CableTo(h.LAN(), name)
}

// CableTo adds a NIC of that name, and a cable from it to one of the host's LANs.
func (h *Host) CableTo(lan *LAN, name string) *Cable {
	h.t.Helper()
	c := &Cable{Name: name, MAC: macOf("host", name), h: h, lan: lan}
	c.Insert()
	return c
}

// Pull pulls the cable: the NIC loses its carrier.
func (c *Cable) Pull() {
	c.h.t.Helper()
	c.far("pull", (*netlink.Handle).LinkSetDown)
}

// Plug plugs the cable in again.
func (c *Cable) Plug() {
	c.h.t.Helper()
	c.far("plug", (*netlink.Handle).LinkSetUp)
}

// Move carries the host elsewhere: what the cable is plugged into is another LAN now. The NIC loses its
// carrier and gets it back, and is the same.
func (c *Cable) Move(lan *LAN) {
	c.h.t.Helper()
	c.far("move", func(nl *netlink.Handle, port netlink.Link) error {
		if err := nl.LinkSetNsFd(port, lan.net); err != nil {
			return err
		}
		return lan.join(c.port())
	})
	c.lan = lan
}

// far does something to the cable's end in the LAN.
func (c *Cable) far(verb string, do func(*netlink.Handle, netlink.Link) error) {
	c.h.t.Helper()
	nl := c.lan.nl
	link, err := nl.LinkByName(c.port())
	if err == nil {
		err = do(nl, link)
	}
	if err != nil {
		c.h.t.Fatalf("%s the cable of %s: %v", verb, c.Name, err)
	}
}

// Remove takes the NIC out of the host, as when a dock is left: the link is gone.
func (c *Cable) Remove() {
	c.h.t.Helper()
	link, err := c.h.nl.LinkByName(c.Name)
	if err == nil {
		err = c.h.nl.LinkDel(link)
	}
	if err != nil {
		c.h.t.Fatalf("remove %s: %v", c.Name, err)
	}
}

// Insert brings the NIC back, by the same name, with the same MAC and another ifindex, the cable
// plugged.
func (c *Cable) Insert() {
	c.h.t.Helper()
	if err := c.insert(); err != nil {
		c.h.t.Fatalf("insert %s: %v", c.Name, err)
	}
}

func (c *Cable) insert() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = c.Name
	attrs.HardwareAddr = c.MAC
	if err := c.h.nl.LinkAdd(&netlink.Veth{
		LinkAttrs:        attrs,
		PeerName:         c.port(),
		PeerHardwareAddr: macOf("lan", c.Name),
		PeerNamespace:    netlink.NsFd(netns.NsHandle(c.lan.net)),
	}); err != nil {
		return fmt.Errorf("make a veth: %w", err)
	}
	return c.lan.join(c.port())
}

// port is the name of the far end. Both ends may be called the same, but a log that shows them
// is easier to read so; a name has at most 15 bytes.
func (c *Cable) port() string {
	return ("p-" + c.Name)[:min(15, len(c.Name)+2)]
}
