package dhcp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/bondctl/bondctl/bond/lease"
)

// maxMessage is the longest message that a server may send (option 57): what
// fits an Ethernet frame.
const maxMessage = 1472

// requested are the options asked for. RFC 3442 wants 121 before 3.
var requested = []dhcpv4.OptionCode{
	dhcpv4.OptionClasslessStaticRoute,
	dhcpv4.OptionSubnetMask,
	dhcpv4.OptionRouter,
	dhcpv4.OptionDomainNameServer,
	dhcpv4.OptionDomainName,
	dhcpv4.OptionInterfaceMTU,
	dhcpv4.OptionDNSDomainSearchList,
	dhcpv4.OptionIPAddressLeaseTime,
	dhcpv4.OptionRenewTimeValue,
	dhcpv4.OptionRebindingTimeValue,
}

// discover asks all servers for a lease, of the wished address if they can
// (RFC 2131 section 4.4.1), and at once if they like (RFC 4039).
func (c *Client) discover(wish netip.Addr) *dhcpv4.DHCPv4 {
	m := c.question(dhcpv4.MessageTypeDiscover)
	m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRapidCommit, nil))
	if wish.IsValid() {
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(wish.AsSlice()))
	}
	return m
}

// choose takes an offer, under the same transaction (RFC 2131 section 4.3.2,
// SELECTING).
func (c *Client) choose(offer lease.Lease, xid dhcpv4.TransactionID) *dhcpv4.DHCPv4 {
	m := c.reboot(offer.Address.Addr())
	m.TransactionID = xid
	m.UpdateOption(dhcpv4.OptServerIdentifier(offer.Server.AsSlice()))
	return m
}

// reboot asks all servers whether the address still holds here (INIT-REBOOT).
func (c *Client) reboot(addr netip.Addr) *dhcpv4.DHCPv4 {
	m := c.question(dhcpv4.MessageTypeRequest)
	m.UpdateOption(dhcpv4.OptRequestedIPAddress(addr.AsSlice()))
	return m
}

// renew asks for more time (RENEWING and REBINDING): it is the sender's address
// that says for what.
func (c *Client) renew(addr netip.Addr) *dhcpv4.DHCPv4 {
	m := c.question(dhcpv4.MessageTypeRequest)
	m.ClientIPAddr = addr.AsSlice()
	return m
}

// release gives the lease back (RFC 2131 section 4.4.6).
func (c *Client) release(l lease.Lease) *dhcpv4.DHCPv4 {
	m := c.message(dhcpv4.MessageTypeRelease)
	m.ClientIPAddr = l.Address.Addr().AsSlice()
	m.UpdateOption(dhcpv4.OptServerIdentifier(l.Server.AsSlice()))
	return m
}

// decline refuses an address that is somebody else's (RFC 2131 section 4.4.1, table 5).
func (c *Client) decline(l lease.Lease, why error) *dhcpv4.DHCPv4 {
	m := c.message(dhcpv4.MessageTypeDecline)
	m.UpdateOption(dhcpv4.OptRequestedIPAddress(l.Address.Addr().AsSlice()))
	m.UpdateOption(dhcpv4.OptServerIdentifier(l.Server.AsSlice()))
	m.UpdateOption(dhcpv4.OptMessage(why.Error()))
	return m
}

// question is a message that is to be answered with a lease.
func (c *Client) question(kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	m := c.message(kind)
	m.UpdateOption(dhcpv4.OptParameterRequestList(requested...))
	m.UpdateOption(dhcpv4.OptMaxMessageSize(maxMessage))
	if name := hostName(c.Hostname); name != "" {
		m.UpdateOption(dhcpv4.OptHostName(name))
	}
	return m
}

// address sets the hardware address of a message that is about to go out by t.
func (c *Client) address(m *dhcpv4.DHCPv4, t Transport) error {
	own, err := t.HardwareAddr()
	m.ClientHWAddr = own
	if c.HardwareAddr != nil && err == nil {
		m.ClientHWAddr = c.HardwareAddr
	}
	m.SetUnicast()
	if !bytes.Equal(m.ClientHWAddr, own) {
		m.SetBroadcast() // nothing that is sent to that address reaches the interface
	}
	return err
}

// message is what all messages have. The hardware address is set when one is sent.
func (c *Client) message(kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode:  dhcpv4.OpcodeBootRequest,
		HWType:  iana.HWTypeEthernet,
		Options: dhcpv4.OptionsFromList(dhcpv4.OptMessageType(kind)),
	}
	binary.BigEndian.PutUint32(m.TransactionID[:], rand.Uint32())
	if len(c.ID) > 0 {
		m.UpdateOption(dhcpv4.OptClientIdentifier(c.ID))
	}
	return m
}
