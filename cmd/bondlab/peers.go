package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// A peer is something that makes a bond of eth0 and eth1, of which eth0 is preferred, and keeps it.
type peer struct {
	name   string
	device string                               // the bond's
	daemon string                               // what of it stays running, by how its command line begins; "" for nothing
	static func(h *netnstest.Host)              // makes the bond, with 192.0.2.10/24
	dhcp   func(h *netnstest.Host)              // makes it with an address by DHCP; nil for one that can't
	rejoin func(h *netnstest.Host)              // takes in eth0 again, which was removed; nil for one that does so itself
	status []string                             // the command that tells how it fares
	host   func(t netnstest.TB) *netnstest.Host // where it runs; nil for an ordinary host
	stop   []string                             // the command that ends it; nil where it ends with its host
}

// A result is what was measured of a peer. A time that is negative wasn't measured.
type result struct {
	name           string
	leftOut        string // why it wasn't measured at all
	setUp, status  time.Duration
	lost, outage   []int // frames, and microseconds, at each pulled cable
	removed        []int // frames lost as the device was removed
	back           []int // frames lost on the way back
	known, unknown time.Duration
	own, program   int // resident KiB
	wakeUps        int
}

const (
	never = -1 * time.Second // it took too long to wait for
	none  = -2 * time.Second // it doesn't do that
	// patience is how long is waited for a lease.
	leasePatience = 20 * time.Second
	removals      = 5
)

// benchPeers measures the peers one after the other.
func benchPeers(w io.Writer, trials int, only string) error {
	var results []result
	for _, p := range peers() {
		if !strings.Contains(p.name, only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bondlab: measuring %s\n", p.name)
		results = append(results, p.measure(trials))
	}
	fmt.Fprint(w, table(results, trials))
	_, err := io.WriteString(w, picture(results))
	return err
}

// measure measures one in a session of its own, so that one that fails is only left out.
func (p peer) measure(trials int) (r result) {
	r = result{name: p.name, known: none, unknown: none}
	for _, part := range []func(*session, *result){
		p.warmUp,
		func(t *session, r *result) { p.measureFailover(t, r, trials) },
		p.measureLease,
	} {
		var said string
		err := inLab(func(t *session) error {
			defer func() { said = t.last }()
			part(t, &r)
			return nil
		})
		if err != nil && r.leftOut == "" {
			r.leftOut = said
		}
	}
	return r
}

// warmUp has its programs and modules in memory.
func (p peer) warmUp(t *session, _ *result) {
	h := p.start(t)
	h.Cable("eth0")
	h.Cable("eth1")
	p.static(h)
	netnstest.Eventually(t, h.Carrier(p.device, true))
}

// start makes a host with the two cables.
func (p peer) start(t *session) *netnstest.Host {
	var h *netnstest.Host
	if p.host != nil {
		h = p.host(t)
	} else {
		h = netnstest.New(t)
	}
	if p.stop != nil {
		t.Cleanup(func() { h.Run(p.stop[0], p.stop[1:]...) })
	}
	return h
}

// measureFailover sets the bond up and pulls its cables.
func (p peer) measureFailover(t *session, r *result, trials int) {
	h := p.start(t)
	cables := []*netnstest.Cable{h.Cable("eth0"), h.Cable("eth1")}
	began := time.Now()
	p.static(h)
	netnstest.Eventually(t, h.Carrier(p.device, true))
	r.setUp = time.Since(began)
	settle(t, h, p.device)
	time.Sleep(5 * time.Second) // addresses are announced, and checked
	r.own, r.program, r.wakeUps = p.idle()
	r.status = p.measureStatus(h)

	frames := h.Frames(p.device, time.Millisecond)
	for i := range trials {
		time.Sleep(time.Duration(100+i*37%100) * time.Millisecond) // at any phase of miimon
		mark := frames.Mark()
		cables[0].Pull()
		lost := frames.Since(mark)
		r.lost, r.outage = append(r.lost, lost.Lost), append(r.outage, int(lost.Outage.Microseconds()))
		time.Sleep(300 * time.Millisecond) // until even the slowest has noticed
		mark = frames.Mark()
		cables[0].Plug()
		time.Sleep(500 * time.Millisecond)
		r.back = append(r.back, frames.Since(mark).Lost)
	}
	for range min(trials, removals) {
		time.Sleep(200 * time.Millisecond)
		mark := frames.Mark()
		cables[0].Remove()
		r.removed = append(r.removed, frames.Since(mark).Lost)
		cables[0].Insert()
		if p.rejoin != nil {
			p.rejoin(h)
		}
		settle(t, h, p.device)
	}
}

// settle waits until both NICs are in the bond and have a link, and then as long as their states take to
// be seen by everybody.
func settle(t *session, h *netnstest.Host, device string) {
	netnstest.Eventually(t, func() error {
		for _, name := range []string{"eth0", "eth1"} {
			if _, err := os.Stat(h.Sys() + "/class/net/" + device + "/lower_" + name); err != nil {
				return err
			}
			if err := h.Carrier(name, true)(); err != nil {
				return err
			}
		}
		return nil
	})
	time.Sleep(500 * time.Millisecond)
}

// measureStatus is the median time of the command that tells how it fares.
func (p peer) measureStatus(h *netnstest.Host) time.Duration {
	if p.status == nil {
		return none
	}
	var took []time.Duration
	for range 6 {
		began := time.Now()
		h.Run(p.status[0], p.status[1:]...)
		took = append(took, time.Since(began))
	}
	slices.Sort(took[1:]) // the first one only has the program in memory
	return took[1:][len(took)/2-1]
}

// measureLease has the bond fail over to another network, where each has a DHCP server, and to and fro.
func (p peer) measureLease(t *session, r *result) {
	if p.dhcp == nil || r.leftOut != "" {
		return
	}
	h := p.start(t)
	h.LAN().DHCP()
	h.OtherLAN().DHCP()
	eth0 := h.Cable("eth0")
	eth1 := h.CableTo(h.OtherLAN(), "eth1")
	eth1.Pull() // for now
	p.dhcp(h)
	if leasedWithin(h, p.device, "192.0.2.") == never {
		t.Fatalf("%s has got no lease", p.name)
	}
	eth1.Plug()
	settle(t, h, p.device)
	time.Sleep(2 * time.Second) // it may learn how to know the network again
	eth0.Pull()
	if r.unknown = leasedWithin(h, p.device, "198.51.100."); r.unknown == never {
		r.known = never
		return
	}
	time.Sleep(2 * time.Second)
	var took []time.Duration
	for range 3 {
		eth0.Plug()
		if leasedWithin(h, p.device, "192.0.2.") == never {
			r.known = never
			return
		}
		time.Sleep(2 * time.Second)
		eth0.Pull()
		took = append(took, leasedWithin(h, p.device, "198.51.100."))
		time.Sleep(2 * time.Second)
	}
	slices.Sort(took)
	r.known = took[len(took)/2]
}

// leasedWithin is how long it takes until the bond has an address that begins so, and no other one of the
// networks here; never after a while.
func leasedWithin(h *netnstest.Host, device, prefix string) time.Duration {
	began := time.Now()
	for time.Since(began) < leasePatience {
		link, err := h.Netlink().LinkByName(device)
		if err == nil {
			addrs, err := h.Netlink().AddrList(link, 2)
			if err == nil && slices.ContainsFunc(addrs, hasPrefix(prefix)) {
				return time.Since(began)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return never
}
