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
	host   func(t netnstest.TB) *netnstest.Host // where it entrants
	static func(h *netnstest.Host)              // makes the bond, with ownAddress
	dhcp   func(h *netnstest.Host)              // makes it with an address by DHCP; nil for one that can't
	active func(h *netnstest.Host) string       // the NIC that it sends by; nil where the bonding driver tells
	rejoin func(h *netnstest.Host, nic string)  // takes in a NIC that has been removed and is back; nil for one that does so itself
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

// measurePeers measures the peers. They take turns at the cables, so that whatever else this machine does
// meets all alike.
func measurePeers(w io.Writer, all []peer, trials int) error {
	var entrants []*entrant
	defer func() {
		for _, r := range entrants {
			r.t.end()
		}
	}()
	for _, p := range all {
		fmt.Fprintf(os.Stderr, "bondlab: setting up %s\n", p.name)
		r := &entrant{peer: p, t: new(session), result: result{name: p.name, known: none, unknown: none}}
		entrants = append(entrants, r)
		r.do(r.begin)
	}
	for i := range trials {
		fmt.Fprintf(os.Stderr, "bondlab: cables, %d of %d\n", i+1, trials)
		for _, r := range entrants {
			r.do(func() { r.pull(i) })
		}
	}
	for i := range min(trials, removals) {
		fmt.Fprintf(os.Stderr, "bondlab: removals, %d of %d\n", i+1, min(trials, removals))
		for _, r := range entrants {
			r.do(func() { r.remove(i) })
		}
	}
	var results []result
	for _, r := range entrants {
		r.t.end()
		if r.leftOut == "" && r.peer.dhcp != nil {
			fmt.Fprintf(os.Stderr, "bondlab: another network, %s\n", r.name)
			t := new(session)
			r.leaseLeftOut = t.reason(func() { r.peer.measureLease(t, &r.result) })
			t.end()
		}
		results = append(results, r.result)
	}
	if _, err := io.WriteString(w, tables(results)); err != nil {
		return err
	}
	_, err := io.WriteString(w, picture(results))
	return err
}

// An entrant is a peer at work, in a session of its own, so that one that fails is only left out.
type entrant struct {
	peer peer
	t    *session
	h    *netnstest.Host
	nics map[string]*netnstest.Cable
	result
}

// do does a part of it, unless an earlier one failed.
func (r *entrant) do(part func()) {
	if r.leftOut == "" {
		r.leftOut = r.t.reason(part)
	}
}

// reason runs part of a session, and says why it failed, if it did.
func (s *session) reason(part func()) string {
	if s.run(func() error { part(); return nil }) == nil {
		return ""
	}
	return s.last
}

// begin makes the bond, and has a look at what of the peer stays running.
func (r *entrant) begin() {
	r.h = r.peer.host(r.t)
	r.t.Cleanup(func() { r.peer.stop(r.h) })
	r.nics = map[string]*netnstest.Cable{"eth0": r.h.Cable("eth0"), "eth1": r.h.Cable("eth1")}
	others := processes(r.peer.daemon)
	r.setUp = r.peer.measureSetUp(r.t, r.h)
	settle(r.t, r.h, r.peer.device)
	r.own, r.program, r.wakeUps = idle(r.peer.daemon, others)
	r.status = r.peer.measureStatus(r.h)
}

// pull pulls the cable that is in use, and plugs it in again. It may be any: what has come and gone often
// isn't always returned to.
func (r *entrant) pull(i int) {
	frames := r.h.Frames(r.peer.device, time.Millisecond)
	defer frames.Stop()
	nic := r.active()
	time.Sleep(time.Duration(100+i*37%100) * time.Millisecond) // at any phase of miimon
	mark := frames.Mark()
	nic.Pull()
	r.pulled = append(r.pulled, frames.Since(mark))
	time.Sleep(300 * time.Millisecond) // until even the slowest has noticed
	mark = frames.Mark()
	nic.Plug()
	time.Sleep(500 * time.Millisecond)
	r.back = append(r.back, frames.Since(mark))
}

// remove removes the NIC that is in use, and inserts it again.
func (r *entrant) remove(i int) {
	frames := r.h.Frames(r.peer.device, time.Millisecond)
	defer frames.Stop()
	nic := r.active()
	time.Sleep(time.Duration(100+i*37%100) * time.Millisecond)
	mark := frames.Mark()
	nic.Remove()
	r.removed = append(r.removed, frames.Since(mark))
	nic.Insert()
	if r.peer.rejoin != nil {
		r.peer.rejoin(r.h, nic.Name)
	}
	settle(r.t, r.h, r.peer.device)
}

// active is the NIC that is in use, once there is one.
func (r *entrant) active() (nic *netnstest.Cable) {
	netnstest.Eventually(r.t, func() error {
		var name string
		if r.peer.active != nil {
			name = r.peer.active(r.h)
		} else {
			text, _ := os.ReadFile(r.h.Sys() + "/class/net/" + r.peer.device + "/bonding/active_slave")
			name = string(text)
		}
		if nic = r.nics[strings.TrimSpace(name)]; nic == nil {
			return fmt.Errorf("%s sends by %q", r.peer.device, name)
		}
		return nil
	})
	return nic
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
