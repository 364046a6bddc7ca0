package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/probe"
)

// Half-dead links are found by frames that must come back: what the bond sends to everybody on
// its network goes out over the active slave, and the switch passes it on to the ports of the
// backups as well, which count it. The gateways that answer are heard by the active slave.

const (
	// calls is how many datagrams are sent, one after each callPause, until every backup has
	// received something. Some drivers bring their counters up to date every two seconds.
	calls     = 8
	callPause = 300 * time.Millisecond
	// discard is the port whose datagrams nobody answers (RFC 863).
	discard = 9
)

// heard is how many frames others must have received until one that has received none ever is
// suspect.
const heard = 100

// checkHalfDead tells of a link that is up and over which nothing comes.
func checkHalfDead(f *Facts) (found []Finding) {
	const why = "the link looks up and may carry nothing: a wrong VLAN, a blocked port, half a cable, or another network"
	most := 0
	for _, m := range f.slaves() {
		most = max(most, value(m.Received))
	}
	for _, m := range f.slaves() {
		var seen string
		switch {
		case m.Received == nil || !value(m.Carrier):
			continue
		case *m.Received == 0 && most >= heard:
			seen = fmt.Sprintf("%s has a link and has received no frame yet, while another member has received %d", m.Name, most)
		case m.WiFi && f.carriesBonds():
			continue // mac80211 counts no broadcast from its own address, which is the bond's
		case m.Deaf && m.Name == value(f.Bond.ActiveSlave):
			seen = fmt.Sprintf("%s, the active slave, has a link and received nothing, not even of the gateway that was asked, while another member did", m.Name)
		case m.Deaf:
			seen = fmt.Sprintf("%s has a link and received nothing while %d broadcasts went out over %s, which received something", m.Name, calls, value(f.Bond.ActiveSlave))
		default:
			continue
		}
		found = append(found, about(m.Name, Finding{Severity: Warns, Seen: seen, Why: why,
			Mend: fmt.Sprintf("look at the switch port and the cable; bondctl switch %s %s tries it, and goes back if nobody answers", f.Name, m.Name)}))
	}
	return found
}

// A call is what comes of calling everybody on the bond's network.
type call struct {
	members []Member
	before  map[int]int // frames that slaves with links had received, by the places of the members
	active  int         // the place of the active slave
	read    func(name string) *int
}

// deaf finds the slaves that receive nothing while another one does.
func (g Gatherer) deaf(ctx context.Context, f *Facts) {
	if f.Bond == nil || f.Bond.ActiveSlave == nil || f.Bond.Bridge != "" {
		return
	}
	everybody, own := broadcast(f.Bond.Addresses)
	c := newCall(f.Members, *f.Bond.ActiveSlave, reader{g.Root}.received)
	if !everybody.IsValid() || c == nil {
		return
	}
	conn, err := caller(ctx, f.Name, own)
	if err != nil {
		f.unknown(err, "half-dead")
		return
	}
	defer conn.Close()
	silent := g.gatewaysSilent(ctx)
	for range calls {
		if _, err := conn.WriteTo([]byte{0}, net.UDPAddrFromAddrPort(netip.AddrPortFrom(everybody, discard))); err != nil {
			f.unknown(err, "half-dead")
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(callPause):
		}
		if len(c.deaf()) == 0 {
			return
		}
	}
	for _, i := range c.deaf() {
		// A dead active slave sends nothing that others could receive, and a network where
		// nobody speaks tells nothing.
		if i == c.active {
			f.Members[i].Deaf = silent && len(c.deaf()) < len(c.before)
		} else {
			f.Members[i].Deaf = !slices.Contains(c.deaf(), c.active)
		}
	}
}

// newCall reads what slaves have received by now; nil where there is no backup to compare the
// active slave with.
func newCall(members []Member, active string, read func(string) *int) *call {
	c := &call{members: members, before: map[int]int{}, active: -1, read: read}
	for i, m := range members {
		if !m.Enslaved || !value(m.Carrier) || m.OperState == "dormant" {
			continue
		}
		if n := read(m.Name); n != nil {
			c.before[i] = *n
			if m.Name == active {
				c.active = i
			}
		}
	}
	if c.active < 0 || len(c.before) < 2 {
		return nil
	}
	return c
}

// deaf are the places of the slaves that have received nothing since, in order.
func (c *call) deaf() (places []int) {
	for i, before := range c.before {
		if now := c.read(c.members[i].Name); now != nil && *now == before {
			places = append(places, i)
		}
	}
	slices.Sort(places)
	return places
}

// gatewaysSilent asks the bond's gateways, so that the active slave receives something. It says
// whether none of them answers, as far as it may ask.
func (g Gatherer) gatewaysSilent(ctx context.Context) bool {
	gateways, err := g.Host.Gateways(g.Name)
	if err != nil || len(gateways) == 0 {
		return false
	}
	for _, hop := range gateways {
		if !hop.Addr.Is4() {
			continue
		}
		if _, err := probe.Gateway(ctx, hop.Link, hop.Own, hop.Addr, nil); !errors.Is(err, probe.ErrSilent) {
			return false
		}
	}
	return true
}

func (r reader) received(name string) *int {
	return r.number("sys/class/net/" + name + "/statistics/rx_packets")
}

// broadcast is the address of everybody on the first IPv4 network that has one, and the bond's
// own address there.
func broadcast(addresses []netip.Prefix) (everybody, own netip.Addr) {
	for _, p := range addresses {
		if !p.Addr().Is4() || p.Bits() > 30 {
			continue
		}
		bytes := p.Addr().As4()
		for i := p.Bits(); i < 32; i++ {
			bytes[i/8] |= 1 << (7 - i%8)
		}
		return netip.AddrFrom4(bytes), p.Addr()
	}
	return netip.Addr{}, netip.Addr{}
}

// caller opens a socket whose datagrams leave over the bond.
func caller(ctx context.Context, bond string, own netip.Addr) (net.PacketConn, error) {
	l := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
				unix.BindToDevice(int(fd), bond))
		})
		return errors.Join(err, failed)
	}}
	return l.ListenPacket(ctx, "udp4", netip.AddrPortFrom(own, 0).String())
}
