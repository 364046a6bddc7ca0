package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Half-dead links are found by frames that must come back: what the bond sends to everybody on
// its network goes out over the active slave, and the switch passes it on to the ports of the
// backups as well, which count it.

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
		case m.Deaf:
			seen = fmt.Sprintf("%s has a link and received nothing while %d broadcasts were sent over %s, which received answers", m.Name, calls, value(f.Bond.ActiveSlave))
		default:
			continue
		}
		found = append(found, about(m.Name, Finding{Severity: Warns, Seen: seen, Why: why,
			Mend: fmt.Sprintf("look at the switch port and the cable; bondctl switch %s %s tries it, and goes back if nobody answers", f.Name, m.Name)}))
	}
	return found
}

// deaf finds the backups that receive nothing while the active slave does.
func (r reader) deaf(ctx context.Context, f *Facts) {
	if f.Bond == nil || f.Bond.ActiveSlave == nil || f.Bond.Bridge != "" {
		return
	}
	everybody, own := broadcast(f.Bond.Addresses)
	waiting := map[int]int{} // backups that have received nothing since, by their places
	active, began := "", 0
	for i, m := range f.Members {
		before := r.received(m.Name)
		switch {
		case m.Name == *f.Bond.ActiveSlave && before != nil:
			active, began = m.Name, *before
		case m.Enslaved && value(m.Carrier) && before != nil && m.OperState != "dormant":
			waiting[i] = *before
		}
	}
	if !everybody.IsValid() || active == "" || len(waiting) == 0 {
		return
	}
	conn, err := caller(ctx, f.Name, own)
	if err != nil {
		f.unknown(err, "half-dead")
		return
	}
	defer conn.Close()
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
		for i, before := range waiting {
			if now := r.received(f.Members[i].Name); now == nil || *now > before {
				delete(waiting, i)
			}
		}
		if len(waiting) == 0 {
			return
		}
	}
	// A dead active slave sends nothing that others could receive.
	now := r.received(active)
	for i := range waiting {
		f.Members[i].Deaf = now != nil && *now > began
	}
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
