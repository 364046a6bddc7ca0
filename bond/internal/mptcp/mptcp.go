// Package mptcp tells the kernel over which addresses the connections of Multipath TCP (RFC 8684) may go, as
// ip-mptcp(8) does: its in-kernel path manager, by generic netlink (include/uapi/linux/mptcp.h).
package mptcp

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The commands and attributes of the family mptcp_pm that are used here.
const (
	familyName = "mptcp_pm"

	cmdAddAddr   = 1
	cmdDelAddr   = 2
	cmdGetAddr   = 3
	cmdSetLimits = 5
	cmdGetLimits = 6
	cmdSetFlags  = 7

	attrAddr      = 1
	attrAddAddrs  = 2
	attrSubflows  = 3
	addrFamily    = 1
	addrID        = 2
	addrV4        = 3
	addrV6        = 4
	addrFlags     = 6
	addrIfIndex   = 7
	flagSubflow   = 1 << 1
	flagBackup    = 1 << 2
	familyVersion = 1
	mostEndpoints = 8 // MPTCP_PM_ADDR_MAX
)

// An Endpoint is an address over which a connection may have a subflow of its own.
type Endpoint struct {
	ID     uint8
	Addr   netip.Addr
	Link   int  // an ifindex
	Backup bool // it is used where no other works
	// Subflow says that this machine opens subflows from it; others announce it, or do nothing.
	Subflow bool
}

// Limits are how many subflows a connection may have beside its first one, and how many addresses of the other end are
// taken.
type Limits struct {
	Subflows uint32 `json:"subflows"`
	AddAddrs uint32 `json:"add_addr_accepted"`
}

// ErrUnsupported says that the kernel has no Multipath TCP, or has it switched off for good.
var ErrUnsupported = errors.New("this kernel has no Multipath TCP (CONFIG_MPTCP)")

// A Conn speaks to the kernel, in the network namespace of the thread that opened it.
type Conn struct {
	conn   *genetlink.Conn
	family genetlink.Family
}

// Open opens a Conn. The error is ErrUnsupported where there is nobody to speak to.
func Open() (*Conn, error) {
	conn, err := genetlink.Dial(nil)
	if err != nil {
		return nil, fmt.Errorf("open generic netlink: %w", err)
	}
	family, err := conn.GetFamily(familyName)
	if err != nil {
		conn.Close()
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrUnsupported
		}
		return nil, err
	}
	return &Conn{conn, family}, nil
}

// Close closes it.
func (c *Conn) Close() { c.conn.Close() }

// Endpoints lists the endpoints.
func (c *Conn) Endpoints() (list []Endpoint, err error) {
	messages, err := c.execute(cmdGetAddr, netlink.Request|netlink.Dump, nil)
	if err != nil {
		return nil, fmt.Errorf("list MPTCP endpoints: %w", err)
	}
	for _, m := range messages {
		e, err := parseEndpoint(m.Data)
		if err != nil {
			return nil, fmt.Errorf("read an MPTCP endpoint: %w", err)
		}
		list = append(list, e)
	}
	return list, nil
}

// Add adds an endpoint; the kernel gives it an ID.
func (c *Conn) Add(e Endpoint) error {
	e.ID = 0
	return c.do(cmdAddAddr, e)
}

// Del removes the endpoint of an ID, and the subflows over it.
func (c *Conn) Del(e Endpoint) error { return c.do(cmdDelAddr, e) }

// SetBackup says whether an endpoint is a backup, to the other ends of its subflows as well (MP_PRIO).
func (c *Conn) SetBackup(e Endpoint) error { return c.do(cmdSetFlags, e) }

func (c *Conn) do(cmd uint8, e Endpoint) error {
	data, err := e.encode()
	if err == nil {
		_, err = c.execute(cmd, netlink.Request|netlink.Acknowledge, data)
	}
	return err
}

// Limits reads the limits.
func (c *Conn) Limits() (l Limits, err error) {
	messages, err := c.execute(cmdGetLimits, netlink.Request, nil)
	if err != nil {
		return Limits{}, fmt.Errorf("read the MPTCP limits: %w", err)
	}
	for _, m := range messages {
		d, err := netlink.NewAttributeDecoder(m.Data)
		if err != nil {
			return Limits{}, err
		}
		for d.Next() {
			switch d.Type() {
			case attrAddAddrs:
				l.AddAddrs = d.Uint32()
			case attrSubflows:
				l.Subflows = d.Uint32()
			}
		}
		if err := d.Err(); err != nil {
			return Limits{}, err
		}
	}
	return l, nil
}

// SetLimits sets the limits.
func (c *Conn) SetLimits(l Limits) error {
	e := netlink.NewAttributeEncoder()
	e.Uint32(attrAddAddrs, min(l.AddAddrs, mostEndpoints))
	e.Uint32(attrSubflows, min(l.Subflows, mostEndpoints))
	data, err := e.Encode()
	if err == nil {
		_, err = c.execute(cmdSetLimits, netlink.Request|netlink.Acknowledge, data)
	}
	return err
}

func (c *Conn) execute(cmd uint8, flags netlink.HeaderFlags, data []byte) ([]genetlink.Message, error) {
	m := genetlink.Message{Header: genetlink.Header{Command: cmd, Version: familyVersion}, Data: data}
	return c.conn.Execute(m, c.family.ID, flags)
}

// encode is the attribute that stands for the endpoint.
func (e Endpoint) encode() ([]byte, error) {
	b := netlink.NewAttributeEncoder()
	b.Nested(attrAddr, func(b *netlink.AttributeEncoder) error {
		if e.ID != 0 {
			b.Uint8(addrID, e.ID)
		}
		if e.Addr.Is4() {
			b.Uint16(addrFamily, unix.AF_INET)
			b.Bytes(addrV4, e.Addr.AsSlice())
		} else {
			b.Uint16(addrFamily, unix.AF_INET6)
			b.Bytes(addrV6, e.Addr.AsSlice())
		}
		flags := uint32(0)
		if e.Subflow {
			flags |= flagSubflow
		}
		if e.Backup {
			flags |= flagBackup
		}
		b.Uint32(addrFlags, flags)
		if e.Link != 0 {
			b.Int32(addrIfIndex, int32(e.Link))
		}
		return nil
	})
	return b.Encode()
}

func parseEndpoint(data []byte) (e Endpoint, err error) {
	d, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return Endpoint{}, err
	}
	for d.Next() {
		if d.Type() != attrAddr {
			continue
		}
		d.Nested(func(d *netlink.AttributeDecoder) error {
			for d.Next() {
				switch d.Type() {
				case addrID:
					e.ID = d.Uint8()
				case addrV4, addrV6:
					e.Addr, _ = netip.AddrFromSlice(d.Bytes())
				case addrFlags:
					flags := d.Uint32()
					e.Subflow, e.Backup = flags&flagSubflow != 0, flags&flagBackup != 0
				case addrIfIndex:
					e.Link = int(d.Int32())
				}
			}
			return nil
		})
	}
	return e, d.Err()
}
