package failover

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// A driver behaves as bond_mii_monitor of drivers/net/bonding/bond_main.c of Linux 6.1 does, in
// active-backup mode with miimon and without downdelay. It is no stand-in for the kernel, on which
// netnstest's tests run: it lets thousands of orders of events be tried.
type driver struct {
	bonding
	slaves []*driven
	queue  []message // that nobody has read yet
}

// driven is a slave of the driver.
type driven struct {
	slave
	delay int // of its updelay, in miimons
}

// A message is about a link, or says that it is gone.
type message struct {
	link rtnl.Link
	gone bool
}

const (
	bondIndex = 100
	miimon    = 100 * time.Millisecond
)

// The other values of slave.mii: BOND_LINK_DOWN and BOND_LINK_BACK.
const miiDown, miiBack = 2, 3

func (d *driver) slaveCalled(index int) *driven {
	i := slices.IndexFunc(d.slaves, func(s *driven) bool { return s.index == index })
	if i < 0 {
		return nil
	}
	return d.slaves[i]
}

// enslave is bond_enslave: with a carrier a slave is up at once, unless it must wait for its updelay.
func (d *driver) enslave(index int, prio int32, carrier bool) {
	s := &driven{slave: slave{index: index, name: string(rune('a' + index)), carrier: carrier, prio: &prio, mii: miiDown}}
	if carrier {
		s.mii = miiUp
		if d.updelay > 0 {
			s.mii, s.delay = miiBack, int(d.updelay/miimon)
		}
	}
	d.slaves = append(d.slaves, s)
	d.tell(s)
	d.selectActive()
}

// remove is the device's going.
func (d *driver) remove(s *driven) {
	d.slaves = slices.DeleteFunc(d.slaves, func(o *driven) bool { return o == s })
	if d.primary == s.index {
		d.primary = 0
	}
	if d.active == s.index {
		d.active = 0
		d.selectActive()
	}
	d.queue = append(d.queue, message{rtnl.Link{Index: s.index}, true})
}

func (d *driver) setCarrier(s *driven, carrier bool) {
	if s.carrier != carrier {
		s.carrier = carrier
		d.tell(s)
	}
}

// look is bond_miimon_inspect and bond_miimon_commit.
func (d *driver) look() {
	var commit []*driven
	for _, s := range d.slaves {
		was := s.mii
		switch {
		case s.mii != miiDown && !s.carrier:
			s.mii = miiDown
		case s.mii == miiDown && s.carrier:
			s.mii, s.delay = miiBack, int(d.updelay/miimon)
			if d.active == 0 {
				s.delay = 0
			}
			fallthrough
		case s.mii == miiBack:
			if s.delay--; s.delay < 0 || d.active == 0 {
				s.mii = miiUp
			}
		}
		if s.mii != was {
			commit = append(commit, s)
		}
	}
	anew := false
	for _, s := range commit {
		active := d.slaveCalled(d.active)
		switch s.mii {
		case miiUp:
			anew = anew || active == nil || s.index == d.primary || *s.prio > *active.prio
		case miiDown:
			s.failures++
			anew = anew || s == active
		}
		d.tell(s)
	}
	if anew {
		d.selectActive()
	}
}

// selectActive is bond_select_active_slave.
func (d *driver) selectActive() {
	active := d.choice(d.all(), func(s slave) bool { return s.mii == miiUp }, func(_, _ slave) bool { return false })
	if active == 0 {
		d.active = 0
	} else {
		d.active = active
	}
	d.tellBond()
}

func (d *driver) all() (list []slave) {
	for _, s := range d.slaves {
		list = append(list, s.slave)
	}
	return list
}

// setActive is bond_option_active_slave_set.
func (d *driver) setActive(index int) error {
	s := d.slaveCalled(index)
	if s == nil || s.mii != miiUp || !s.carrier {
		return unix.EINVAL
	}
	d.active = index
	d.tellBond()
	return nil
}

func (d *driver) tell(s *driven) { d.queue = append(d.queue, message{link: s.message()}) }

func (d *driver) tellBond() { d.queue = append(d.queue, message{link: d.message()}) }

// message is RTM_NEWLINK of the bond.
func (b bonding) message() rtnl.Link {
	var data []byte
	for kind, value := range map[int][]byte{
		nl.IFLA_BOND_MODE: {b.mode}, nl.IFLA_BOND_PRIMARY_RESELECT: {b.reselect},
		nl.IFLA_BOND_ACTIVE_SLAVE: number(b.active), nl.IFLA_BOND_PRIMARY: number(b.primary),
		nl.IFLA_BOND_MIIMON: millis(b.miimon), nl.IFLA_BOND_UPDELAY: millis(b.updelay), nl.IFLA_BOND_DOWNDELAY: millis(b.downdelay),
	} {
		data = append(data, nl.NewRtAttr(kind, value).Serialize()...)
	}
	return rtnl.Link{Index: b.index, Name: "bond0", Kind: "bond", Data: string(data), MTU: 1500}
}

// message is RTM_NEWLINK of a slave.
func (s slave) message() rtnl.Link {
	data := nl.NewRtAttr(nl.IFLA_BOND_SLAVE_MII_STATUS, []byte{s.mii}).Serialize()
	data = append(data, nl.NewRtAttr(nl.IFLA_BOND_SLAVE_LINK_FAILURE_COUNT, number(int(s.failures))).Serialize()...)
	if s.prio != nil {
		data = append(data, nl.NewRtAttr(iflaBondSlavePrio, number(int(*s.prio))).Serialize()...)
	}
	l := rtnl.Link{Index: s.index, Name: s.name, Master: bondIndex, Up: true, Carrier: s.carrier, SlaveKind: "bond", SlaveData: string(data), MTU: 1500}
	if s.dormant {
		l.OperState = ifOperDormant
	}
	return l
}

func number(n int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }

func millis(d time.Duration) []byte { return number(int(d.Milliseconds())) }

// What messages say is what was put into them.
func TestMessages(t *testing.T) {
	b := bonding{bondIndex, 3, 2, reselectFailure, time.Second, 2 * time.Second, miimon, modeActiveBackup}
	if got := bondingOf(b.message()); got != b {
		t.Errorf("bond %+v, want %+v", got, b)
	}
	s := slave{index: 3, name: "d", carrier: true, dormant: true, mii: miiBack, failures: 7, prio: new(int32(-5))}
	got := slaveOf(s.message())
	if got.prio == nil || *got.prio != *s.prio {
		t.Fatalf("prio %v, want %d", got.prio, *s.prio)
	}
	if got.prio = s.prio; got != s {
		t.Errorf("slave %+v, want %+v", got, s)
	}
}
