package bond

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// The bonding driver's attributes are encoded here and not by the netlink package.
// That doesn't know every one (v1.3.1 lacks peer_notif_delay, missed_max,
// ns_ip6_target and prio), and can't leave out each of them.

// modes are the bonding driver's modes; the kernel's number of one is its place.
var modes = []string{"balance-rr", activeBackup, "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}

// bondInfo is the content of IFLA_LINKINFO with a bond's options. ifindex finds the
// index of the primary: netlink takes that, and no name.
func bondInfo(changes []change, ifindex func(name string) (int, error)) ([]byte, error) {
	data := nl.NewRtAttr(nl.IFLA_INFO_DATA, nil)
	for _, c := range changes {
		switch c.Key {
		case "mode":
			data.AddRtAttr(nl.IFLA_BOND_MODE, []byte{byte(slices.Index(modes, c.To))})
		case "primary", "active_slave":
			index := 0
			if c.To != "" {
				var err error
				// An index that is stale would silently clear the primary.
				if index, err = ifindex(c.To); err != nil {
					return nil, fmt.Errorf("%s %s: %w", c.Key, c.To, err)
				}
			}
			attr := nl.IFLA_BOND_PRIMARY
			if c.Key == "active_slave" {
				attr = nl.IFLA_BOND_ACTIVE_SLAVE
			}
			data.AddRtAttr(attr, nl.Uint32Attr(uint32(index)))
		default:
			addOption(data, c)
		}
	}
	return append(nl.NewRtAttr(nl.IFLA_INFO_KIND, []byte("bond")).Serialize(), data.Serialize()...), nil
}

// addOption adds one option. Its text was checked when it was set in Options, or is
// the kernel's.
func addOption(data *nl.RtAttr, c change) {
	o := mustRow(c.Key)
	if o.size == 0 {
		list := data.AddRtAttr(o.attr|unix.NLA_F_NESTED, nil)
		for i, word := range strings.Fields(c.To) {
			list.AddRtAttr(i, netip.MustParseAddr(word).AsSlice())
		}
		return
	}
	n := slices.Index(o.words, c.To)
	if o.words == nil {
		n, _ = strconv.Atoi(c.To)
	}
	value := binary.NativeEndian.AppendUint32(nil, uint32(n))
	if o.size == 1 {
		value = []byte{byte(n)}
	}
	data.AddRtAttr(o.attr, value)
}

// slaveInfo is the content of IFLA_LINKINFO with a slave's prio.
func slaveInfo(prio int32) []byte {
	data := nl.NewRtAttr(nl.IFLA_INFO_SLAVE_DATA, nil)
	data.AddRtAttr(iflaBondSlavePrio, binary.NativeEndian.AppendUint32(nil, uint32(prio)))
	return append(nl.NewRtAttr(nl.IFLA_INFO_SLAVE_KIND, []byte("bond")).Serialize(), data.Serialize()...)
}

// prioOf is a slave's prio, which Linux 6.1 shows by netlink alone; nil where the
// kernel has none.
func prioOf(l rtnl.Link) (prio *int) {
	if l.SlaveKind != "bond" {
		return nil
	}
	_ = rtnl.EachAttr([]byte(l.SlaveData), func(kind uint16, value []byte) {
		if kind == iflaBondSlavePrio {
			prio = new(int(int32(rtnl.Uint32(value))))
		}
	})
	return prio
}

// nsTargetsOf are a bond's ns_ip6_target, likewise; nil where the kernel tells of none.
func nsTargetsOf(l rtnl.Link) (targets []netip.Addr) {
	_ = rtnl.EachAttr([]byte(l.Data), func(kind uint16, value []byte) {
		if kind != iflaBondNSIP6Target {
			return
		}
		targets = []netip.Addr{}
		_ = rtnl.EachAttr(value, func(_ uint16, target []byte) {
			if a, ok := netip.AddrFromSlice(target); ok {
				targets = append(targets, a)
			}
		})
	})
	return targets
}
