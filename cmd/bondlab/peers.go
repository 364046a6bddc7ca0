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
	daemon string                               // the name of the process that stays running; "" for none
	status []string                             // the command that tells how it fares
	host   func(t netnstest.TB) *netnstest.Host // where it runs
	static func(h *netnstest.Host)              // makes the bond, with ownAddress
	dhcp   func(h *netnstest.Host)              // makes it with an address by DHCP; nil for one that can't
	rejoin func(h *netnstest.Host)              // takes in eth0 that has been removed and is back; nil for one that does so itself
	stop   func(h *netnstest.Host)              // ends it and the bond
}

// A result is what was measured of a peer. A time that is negative wasn't measured.
type result struct {
	name           string
	leftOut        string // why it wasn't measured at all
	leaseLeftOut   string // why the leases weren't
	setUp, status  time.Duration
	pulled         []netnstest.Lost // at each pulled cable
	removed        []netnstest.Lost // at each removed NIC
	back           []netnstest.Lost // as the cable was plugged again
	known, unknown time.Duration    // from a pulled cable to an address on the other network that answers
	own, program   int              // resident KiB: its own memory, and pages of its program
	wakeUps        int              // within idleTime
}

const (
	never = -1 * time.Second // it took too long to wait for
	none  = -2 * time.Second // it doesn't do that
)

// What is waited for, and how often something is done that takes long.
const (
	leasePatience = 20 * time.Second
	setUps        = 3
	removals      = 5
	leases        = 5
)

// measurePeers measures the peers one after the other.
func measurePeers(w io.Writer, all []peer, trials int) error {
	var results []result
	for _, p := range all {
		fmt.Fprintf(os.Stderr, "bondlab: measuring %s\n", p.name)
		results = append(results, p.measure(trials))
	}
	if _, err := io.WriteString(w, tables(results)); err != nil {
		return err
	}
	_, err := io.WriteString(w, picture(results))
	return err
}

// measure measures a peer in sessions of its own, so that one that fails is only left out.
func (p peer) measure(trials int) result {
	r := result{name: p.name, known: none, unknown: none}
	r.leftOut = reason(func(t *session) { p.measureFailover(t, &r, trials) })
	if r.leftOut == "" && p.dhcp != nil {
		r.leaseLeftOut = reason(func(t *session) { p.measureLease(t, &r) })
	}
	return r
}

// reason runs part of a measurement, and says why it failed, if it did.
func reason(part func(*session)) (said string) {
	err := inLab(func(t *session) error {
		defer func() { said = t.last }()
		part(t)
		return nil
	})
	if err == nil {
		return ""
	}
	return said
}

// measureFailover sets the bond up and pulls its cables.
func (p peer) measureFailover(t *session, r *result, trials int) {
	h := p.host(t)
	t.Cleanup(func() { p.stop(h) })
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	r.setUp = p.measureSetUp(t, h)
	settle(t, h, p.device)
	r.own, r.program, r.wakeUps = idle(p.daemon)
	r.status = p.measureStatus(h)

	frames := h.Frames(p.device, time.Millisecond)
	for i := range trials {
		time.Sleep(time.Duration(100+i*37%100) * time.Millisecond) // at any phase of miimon
		mark := frames.Mark()
		eth0.Pull()
		r.pulled = append(r.pulled, frames.Since(mark))
		time.Sleep(300 * time.Millisecond) // until even the slowest has noticed
		mark = frames.Mark()
		eth0.Plug()
		time.Sleep(500 * time.Millisecond)
		r.back = append(r.back, frames.Since(mark))
	}
	for i := range min(trials, removals) {
		time.Sleep(time.Duration(200+i*37%100) * time.Millisecond)
		mark := frames.Mark()
		eth0.Remove()
		r.removed = append(r.removed, frames.Since(mark))
		eth0.Insert()
		if p.rejoin != nil {
			p.rejoin(h)
		}
		settle(t, h, p.device)
	}
	frames.Stop()
}

// measureSetUp is the median time until there is a bond that has a link and an address. The first one
// only has the programs in memory; the last one stays.
func (p peer) measureSetUp(t *session, h *netnstest.Host) time.Duration {
	var took []time.Duration
	for round := range 1 + setUps {
		if round > 0 {
			p.stop(h)
			gone(t, h, p.device)
		}
		began := time.Now()
		p.static(h)
		for ownAddressOf(h, p.device, "192.0.2.") == nil || h.Carrier(p.device, true)() != nil {
			if time.Since(began) > netnstest.Patience {
				t.Fatalf("%s has no bond with a link and an address after %v", p.name, netnstest.Patience)
			}
			time.Sleep(2 * time.Millisecond)
		}
		took = append(took, time.Since(began))
	}
	return middle(took[1:])
}

// gone leaves the NICs as they were at first.
func gone(t *session, h *netnstest.Host, device string) {
	nl := h.Netlink()
	if bond, err := nl.LinkByName(device); err == nil {
		if err := nl.LinkDel(bond); err != nil {
			t.Fatalf("delete %s: %v", device, err)
		}
	}
	for _, name := range []string{"eth0", "eth1"} {
		link, err := nl.LinkByName(name)
		if err == nil {
			err = nl.LinkSetDown(link)
		}
		if err != nil {
			t.Fatalf("set %s down: %v", name, err)
		}
	}
}

// settle waits until both NICs are in the bond and have a link, and then as long as it takes until
// everybody has seen it.
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
	var took []time.Duration
	for range 6 {
		began := time.Now()
		h.Run(p.status[0], p.status[1:]...)
		took = append(took, time.Since(began))
	}
	return middle(took[1:]) // the first one only has the program in memory
}

// middle is the median of what was measured.
func middle(list []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}

// measureLease has the bond fail over to another network, where each has a DHCP server, and to and fro.
func (p peer) measureLease(t *session, r *result) {
	h := p.host(t)
	t.Cleanup(func() { p.stop(h) })
	h.LAN().DHCP()
	h.OtherLAN().DHCP()
	eth0 := h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	p.dhcp(h)
	if worksIn(h, h.LAN(), p.device) == never {
		t.Fatalf("%s has got no lease at first", p.name)
	}
	settle(t, h, p.device)
	time.Sleep(2 * time.Second) // it may learn how to know the network again
	eth0.Pull()
	if r.unknown = worksIn(h, h.OtherLAN(), p.device); r.unknown == never {
		return // nor will it ever have been there
	}
	var took []time.Duration
	for range leases {
		time.Sleep(2 * time.Second)
		eth0.Plug()
		if worksIn(h, h.LAN(), p.device) == never {
			r.known = never
			return
		}
		time.Sleep(2 * time.Second)
		eth0.Pull()
		took = append(took, worksIn(h, h.OtherLAN(), p.device))
	}
	if r.known = never; !slices.Contains(took, never) {
		r.known = middle(took)
	}
}

// worksIn is how long it takes until the router of a LAN gets an answer from an address of the bond there;
// never after a while.
func worksIn(h *netnstest.Host, lan *netnstest.LAN, device string) time.Duration {
	began := time.Now()
	var ping *netnstest.Ping
	for time.Since(began) < leasePatience {
		if ping == nil {
			net, _, _ := strings.Cut(lan.Addr.String(), "1/")
			if addr := ownAddressOf(h, device, net); addr != nil {
				ping = lan.PingTo(*addr, 5*time.Millisecond)
			}
		} else if ping.Result().Received > 0 {
			took := time.Since(began)
			ping.Stop()
			return took
		}
		time.Sleep(2 * time.Millisecond)
	}
	return never
}
