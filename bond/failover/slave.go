package failover

import (
	"time"

	"github.com/vishvananda/netlink/nl"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A bonding is what counts of a bond (IFLA_INFO_DATA).
type bonding struct {
	index   int
	active  int // IFLA_BOND_ACTIVE_SLAVE
	primary int // IFLA_BOND_PRIMARY
	// reselect is IFLA_BOND_PRIMARY_RESELECT.
	reselect           uint8
	updelay, downdelay time.Duration // IFLA_BOND_UPDELAY, IFLA_BOND_DOWNDELAY
	miimon             time.Duration // IFLA_BOND_MIIMON
	mode               uint8         // IFLA_BOND_MODE
}

// modeActiveBackup is BOND_MODE_ACTIVEBACKUP.
const modeActiveBackup = 1

// The values of reselect: BOND_PRI_RESELECT_*.
const (
	reselectAlways = iota
	reselectBetter
	reselectFailure
)

// A slave is what counts of a slave.
type slave struct {
	index    int
	name     string
	carrier  bool   // it is up and has carrier
	dormant  bool   // operstate: Wi-Fi has carrier before its handshake is through
	mii      uint8  // IFLA_BOND_SLAVE_MII_STATUS
	failures uint32 // IFLA_BOND_SLAVE_LINK_FAILURE_COUNT
	prio     *int32 // IFLA_BOND_SLAVE_PRIO; nil where this kernel has none
}

// The value of slave.mii that says that the slave can be active: BOND_LINK_UP.
const miiUp = 0

// usable says whether the slave can be made active: it has carrier now, and for the driver, too.
// In its updelay it isn't up for the driver.
func (s slave) usable() bool { return s.linked() && s.mii == miiUp }

// linked says whether the slave has a link that carries frames.
func (s slave) linked() bool { return s.carrier && !s.dormant }

// Attributes of a slave that the netlink package doesn't name (include/uapi/linux/if_link.h).
const iflaBondSlavePrio = 9

// ifOperDormant is IF_OPER_DORMANT of include/uapi/linux/if.h.
const ifOperDormant = 5

func bondingOf(l rtnl.Link) bonding {
	b := bonding{index: l.Index}
	millis := func(value []byte) time.Duration { return time.Duration(rtnl.Uint32(value)) * time.Millisecond }
	_ = rtnl.EachAttr([]byte(l.Data), func(kind uint16, value []byte) {
		switch kind {
		case nl.IFLA_BOND_MODE:
			b.mode = first(value)
		case nl.IFLA_BOND_ACTIVE_SLAVE:
			b.active = int(rtnl.Uint32(value))
		case nl.IFLA_BOND_PRIMARY:
			b.primary = int(rtnl.Uint32(value))
		case nl.IFLA_BOND_PRIMARY_RESELECT:
			b.reselect = first(value)
		case nl.IFLA_BOND_MIIMON:
			b.miimon = millis(value)
		case nl.IFLA_BOND_UPDELAY:
			b.updelay = millis(value)
		case nl.IFLA_BOND_DOWNDELAY:
			b.downdelay = millis(value)
		}
	})
	return b
}

func slaveOf(l rtnl.Link) slave {
	s := slave{index: l.Index, name: l.Name, carrier: l.Up && l.Carrier, dormant: l.OperState == ifOperDormant}
	_ = rtnl.EachAttr([]byte(l.SlaveData), func(kind uint16, value []byte) {
		switch kind {
		case nl.IFLA_BOND_SLAVE_MII_STATUS:
			s.mii = first(value)
		case nl.IFLA_BOND_SLAVE_LINK_FAILURE_COUNT:
			s.failures = rtnl.Uint32(value)
		case iflaBondSlavePrio:
			s.prio = new(int32(rtnl.Uint32(value)))
		}
	})
	return s
}

func first(value []byte) uint8 {
	if len(value) == 0 {
		return 0
	}
	return value[0]
}

// activeSlave is the change of a bond that makes a slave the active one.
func activeSlave(index int) rtnl.LinkChange {
	data := nl.NewRtAttr(nl.IFLA_INFO_DATA, nil)
	data.AddRtAttr(nl.IFLA_BOND_ACTIVE_SLAVE, nl.Uint32Attr(uint32(index)))
	return rtnl.LinkChange{Info: append(nl.NewRtAttr(nl.IFLA_INFO_KIND, []byte("bond")).Serialize(), data.Serialize()...)}
}
