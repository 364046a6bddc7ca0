package suite

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"golang.org/x/sys/unix"
)

// pings are those of a host whose bond0, with the MAC address of its active slave, goes over to other
// slaves. What that may cost isn't a number: how long the kernel takes to notice, and how many pings are
// on their way by then, depends on the machine.
type pings struct {
	*netnstest.Ping
	t       *testing.T
	h       *netnstest.Host
	outages []outage
}

// outage are the pings, from the first one to without the last, that a switch may have cost.
type outage struct{ first, last int }

// startPings pings the LAN until the test ends, and waits for the first answer.
func startPings(t *testing.T, h *netnstest.Host) *pings {
	t.Helper()
	p := &pings{Ping: h.Ping(200 * time.Millisecond), t: t, h: h}
	netnstest.Eventually(t, p.Answered)
	return p
}

// goesOver makes a change upon which the bond goes over to a slave, and waits for that. It may cost pings
// that had no answer when the bond was last seen where it was, up to those which were sent before the LAN
// knew where it is now: not one more.
func (p *pings) goesOver(to string, change func()) {
	p.t.Helper()
	first := unanswered(p.Result())
	change()
	netnstest.Eventually(p.t, func() error {
		next := unanswered(p.Result())
		if err := active(p.h, to)(); err != nil {
			first = next
			return err
		}
		return knows(p.h.LAN(), attribute(p.h, to, "address"))
	})
	p.outages = append(p.outages, outage{first, p.Result().Sent})
	netnstest.Eventually(p.t, p.Answered)
}

// stop ends the pings, and checks that no others were lost.
func (p *pings) stop() {
	p.t.Helper()
	r := p.Stop()
	for _, seq := range r.Lost {
		if !slices.ContainsFunc(p.outages, func(o outage) bool { return o.first <= seq && seq < o.last }) {
			p.t.Errorf("ping %d was lost, and there was no reason to", seq)
		}
	}
	p.t.Logf("%v; the bond went over during %v", r, p.outages)
}

// unanswered is the first of the latest pings, of which none has been answered yet.
func unanswered(r netnstest.Pinged) int {
	first := r.Sent
	for _, seq := range slices.Backward(r.Lost) {
		if seq != first-1 {
			break
		}
		first = seq
	}
	return first
}

// knows says whether the LAN's router has that MAC address for a host.
func knows(lan *netnstest.LAN, mac string) error {
	want, err := net.ParseMAC(mac)
	if err != nil {
		return err
	}
	neighbours, err := lan.Netlink().NeighList(0, unix.AF_INET)
	if err != nil {
		return err
	}
	for _, n := range neighbours {
		if bytes.Equal(n.HardwareAddr, want) {
			return nil
		}
	}
	return fmt.Errorf("the router knows no host by %s", mac)
}
