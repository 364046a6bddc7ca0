package sysfs

import (
	"fmt"
	"net"
)

// A Slave is what class/net/NAME/bonding_slave shows of a device that is
// enslaved to a bond.
type Slave struct {
	// State is state: "active" or "backup". In modes without an active slave
	// all that work are active.
	State string
	// MIIStatus is mii_status: the link as the bond sees it. "up", "down", and
	// while a delay runs "going down" or "going back".
	MIIStatus string
	// LinkFailureCount is link_failure_count: how often the link was lost
	// since the device was enslaved.
	LinkFailureCount int
	// PermHWAddr is perm_hwaddr: the address that the device had before, and
	// gets back when it is released.
	PermHWAddr net.HardwareAddr
	// QueueID is queue_id: the transmit queue, 0 for none.
	QueueID int
	// Prio is prio: the order of preference when there is no primary. Linux 6.1
	// has the option and no such file: ask netlink (IFLA_BOND_SLAVE_PRIO).
	Prio *int

	// ADAggregatorID is ad_aggregator_id. Nil outside of 802.3ad.
	ADAggregatorID *int
	// ADActorOperPortState is ad_actor_oper_port_state: LACP's flags of our
	// side, as a number. Nil outside of 802.3ad.
	ADActorOperPortState *int
	// ADPartnerOperPortState is ad_partner_oper_port_state: LACP's flags of
	// the switch. Nil outside of 802.3ad.
	ADPartnerOperPortState *int
}

// Slave reads class/net/NAME/bonding_slave. The error is fs.ErrNotExist when
// there is no such device, when no bond has it, or when it was released or
// vanished meanwhile, and a *NameError when no device can be called so.
func (f FS) Slave(name string) (Slave, error) {
	d, err := f.open(name, "bonding_slave")
	if err != nil {
		return Slave{}, fmt.Errorf("read slave %s: %w", name, err)
	}
	defer d.close()

	s, err := readSlave(&fields{src: d, path: f.path(name, "bonding_slave")})
	if err != nil {
		return Slave{}, fmt.Errorf("read slave %s: %w", name, err)
	}

	return s, nil
}

// readSlave reads all files of a bonding_slave directory.
func readSlave(f *fields) (Slave, error) {
	// Since the directory exists (Linux 3.14) this has been made after all but
	// the other ad_ files.
	f.first("ad_aggregator_id")
	aggregator := f.number("ad_aggregator_id")

	s := Slave{
		MIIStatus:        value(f, "mii_status", parseLine),
		LinkFailureCount: value(f, "link_failure_count", parseInt),
		PermHWAddr:       f.hwAddr("perm_hwaddr"),
		QueueID:          value(f, "queue_id", parseInt),
		Prio:             f.number("prio"),
		ADAggregatorID:   aggregator,
	}
	if aggregator != nil {
		s.ADActorOperPortState = f.number("ad_actor_oper_port_state")
		s.ADPartnerOperPortState = f.number("ad_partner_oper_port_state")
	}
	// The first file that the kernel removes when it releases a slave.
	s.State = string(f.last("state"))
	if f.err != nil {
		return Slave{}, f.err
	}

	return s, nil
}
