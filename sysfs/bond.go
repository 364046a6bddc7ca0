package sysfs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// A Bond is what class/net/NAME/bonding shows of a bond. The kernel's
// Documentation/networking/bonding.rst explains each option.
type Bond struct {
	// Name is the bond's interface name, as asked for.
	Name string
	// Mode is the word in mode: "active-backup", "802.3ad", "balance-rr"...
	Mode string
	// MIIStatus is mii_status: "up" while the bond has carrier, else "down".
	MIIStatus string
	// Slaves are the enslaved devices in the kernel's order (slaves). When
	// there are more than fit into a page (some 270) they are taken from the
	// bond's lower_ links, sorted.
	Slaves []string
	// ActiveSlave is active_slave: the one that carries the traffic, "" when
	// there is none or the mode knows none.
	ActiveSlave string
	// Primary is primary: the preferred slave, "" when none is set or it isn't
	// enslaved at the moment. The kernel remembers it but doesn't show it.
	Primary string

	// PrimaryReselect is the word in primary_reselect: "always", "better" or
	// "failure".
	PrimaryReselect *string
	// FailOverMAC is the word in fail_over_mac: "none", "active" or "follow".
	FailOverMAC *string

	// Miimon is miimon: milliseconds between two looks at the slaves' carrier.
	// 0 means that nobody looks, and the bond never fails over.
	Miimon *int
	// Updelay is updelay: milliseconds that a recovered slave must wait.
	// The kernel keeps the delays as multiples of miimon.
	Updelay *int
	// Downdelay is downdelay: milliseconds before a failed slave is left.
	Downdelay *int
	// PeerNotifDelay is peer_notif_delay: milliseconds between two gratuitous
	// ARPs after a failover. Absent before Linux 5.3.
	PeerNotifDelay *int
	// NumGratARP is num_grat_arp: how many gratuitous ARPs announce a failover.
	NumGratARP *int
	// NumUnsolNA is num_unsol_na: the same number, under the name that it has
	// for IPv6.
	NumUnsolNA *int
	// UseCarrier is use_carrier: 1, or 0 to ask drivers through old ioctls. It
	// is obsolete.
	UseCarrier *int

	// ARPInterval is arp_interval: milliseconds between two ARP probes, 0 when
	// ARP monitoring is off.
	ARPInterval *int
	// ARPIPTarget is arp_ip_target: up to 16 IPv4 addresses to probe.
	ARPIPTarget []netip.Addr
	// NSIP6Target is ns_ip6_target: the IPv6 addresses to probe. Linux 6.1 has
	// the option and no such file: ask netlink (IFLA_BOND_NS_IP6_TARGET).
	NSIP6Target []netip.Addr
	// ARPValidate is the word in arp_validate: "none", "active", "backup",
	// "all", "filter", "filter_active" or "filter_backup".
	ARPValidate *string
	// ARPAllTargets is the word in arp_all_targets: "any" or "all".
	ARPAllTargets *string
	// ARPMissedMax is arp_missed_max: how many probes may fail before a slave
	// counts as down. Absent before Linux 5.17.
	ARPMissedMax *int

	// AllSlavesActive is all_slaves_active: 1 when frames that arrive on a
	// backup slave are delivered too, else 0.
	AllSlavesActive *int
	// ResendIGMP is resend_igmp: how many IGMP reports follow a failover.
	ResendIGMP *int
	// QueueIDs is queue_id: the transmit queue of each slave, 0 for none. Nil
	// without slaves, or with more than fit into a page.
	QueueIDs map[string]int

	// XmitHashPolicy is the word in xmit_hash_policy: "layer2", "layer3+4"...
	XmitHashPolicy *string
	// PacketsPerSlave is packets_per_slave, of balance-rr: frames to send
	// before the next slave's turn, 0 for a random one.
	PacketsPerSlave *int
	// LPInterval is lp_interval: seconds between two learning packets.
	LPInterval *int
	// TLBDynamicLB is tlb_dynamic_lb, of balance-tlb: 1 or 0.
	TLBDynamicLB *int
	// MinLinks is min_links, of 802.3ad: slaves that must be up for a carrier.
	MinLinks *int

	// AD is what concerns 802.3ad (LACP). In other modes only its options have
	// values.
	AD AD
}

// AD is the part of a bond that concerns 802.3ad. What needs CAP_NET_ADMIN is an
// empty file, and so nil, to others.
type AD struct {
	// Rate is the word in lacp_rate: "slow" or "fast".
	Rate *string
	// Active is the word in lacp_active: "on" or "off". Absent before Linux
	// 5.15.
	Active *string
	// Select is the word in ad_select: "stable", "bandwidth" or "count".
	Select *string
	// Aggregator is ad_aggregator: the active aggregator's number.
	Aggregator *int
	// NumPorts is ad_num_ports: how many ports the active aggregator has.
	NumPorts *int
	// ActorKey is ad_actor_key. Needs CAP_NET_ADMIN.
	ActorKey *int
	// PartnerKey is ad_partner_key. Needs CAP_NET_ADMIN.
	PartnerKey *int
	// PartnerMAC is ad_partner_mac: the switch's. Needs CAP_NET_ADMIN.
	PartnerMAC net.HardwareAddr
	// ActorSysPrio is ad_actor_sys_prio. Needs CAP_NET_ADMIN.
	ActorSysPrio *int
	// ActorSystem is ad_actor_system: all zero when it is the bond's own
	// address. Needs CAP_NET_ADMIN.
	ActorSystem net.HardwareAddr
	// UserPortKey is ad_user_port_key. Needs CAP_NET_ADMIN.
	UserPortKey *int
}

// Bond reads class/net/NAME/bonding. The error is fs.ErrNotExist when there is
// no such device, when it is no bond, or when it vanished meanwhile, and a
// *NameError when no device can be called so.
func (f FS) Bond(name string) (Bond, error) {
	d, err := f.open(name, "bonding")
	if err != nil {
		return Bond{}, fmt.Errorf("read bond %s: %w", name, err)
	}
	defer d.close()

	b, err := readBond(&fields{src: d, path: f.path(name, "bonding")})
	if errors.Is(err, errTruncated) {
		b.Slaves, err = f.lowers(name)
	}
	if err != nil {
		return Bond{}, fmt.Errorf("read bond %s: %w", name, err)
	}
	b.Name = name

	return b, nil
}

// readBond reads all files of a bonding directory. The error is errTruncated
// when only the list of slaves is incomplete.
func readBond(f *fields) (Bond, error) {
	b := Bond{
		Mode:        value(f, "mode", parseWord),
		MIIStatus:   value(f, "mii_status", parseWord),
		ActiveSlave: value(f, "active_slave", parseWord),
		Primary:     value(f, "primary", parseWord),

		PrimaryReselect: f.word("primary_reselect"),
		FailOverMAC:     f.word("fail_over_mac"),

		Miimon:         f.number("miimon"),
		Updelay:        f.number("updelay"),
		Downdelay:      f.number("downdelay"),
		PeerNotifDelay: f.number("peer_notif_delay"),
		NumGratARP:     f.number("num_grat_arp"),
		NumUnsolNA:     f.number("num_unsol_na"),
		UseCarrier:     f.number("use_carrier"),

		ARPInterval:   f.number("arp_interval"),
		ARPIPTarget:   value(f, "arp_ip_target", parseAddrs),
		NSIP6Target:   value(f, "ns_ip6_target", parseAddrs),
		ARPValidate:   f.word("arp_validate"),
		ARPAllTargets: f.word("arp_all_targets"),
		ARPMissedMax:  f.number("arp_missed_max"),

		AllSlavesActive: f.number("all_slaves_active"),
		ResendIGMP:      f.number("resend_igmp"),
		QueueIDs:        value(f, "queue_id", parseQueueIDs),

		XmitHashPolicy:  f.word("xmit_hash_policy"),
		PacketsPerSlave: f.number("packets_per_slave"),
		LPInterval:      f.number("lp_interval"),
		TLBDynamicLB:    f.number("tlb_dynamic_lb"),
		MinLinks:        f.number("min_links"),
	}
	b.AD = readAD(f, b.Mode)

	// The kernel removes the files of a bond in the order in which it lists
	// them, and slaves is the first.
	slaves := f.last("slaves")
	if f.err != nil {
		return Bond{}, f.err
	}

	var err error
	b.Slaves, err = parseNames(slaves)

	return b, err
}

// readAD reads the files that concern 802.3ad. In other modes all but the options
// are empty, and needn't be opened.
func readAD(f *fields, mode string) AD {
	ad := AD{
		Rate:   f.word("lacp_rate"),
		Active: f.word("lacp_active"),
		Select: f.word("ad_select"),
	}
	if mode != "802.3ad" {
		return ad
	}

	ad.Aggregator = f.number("ad_aggregator")
	ad.NumPorts = f.number("ad_num_ports")
	ad.ActorKey = f.number("ad_actor_key")
	ad.PartnerKey = f.number("ad_partner_key")
	ad.PartnerMAC = f.hwAddr("ad_partner_mac")
	ad.ActorSysPrio = f.number("ad_actor_sys_prio")
	ad.ActorSystem = f.hwAddr("ad_actor_system")
	ad.UserPortKey = f.number("ad_user_port_key")

	return ad
}
