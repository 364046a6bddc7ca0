// Package reach finds out whether those who could be reached before a change of a bond
// can be reached after it.
//
// The gateway of each default route is asked, and the machine that somebody is logged in
// from. All are asked before the change, and those who answered then are asked again after
// it, until they answer or the time is over. Each is asked two questions: as a neighbour,
// by ARP or neighbour solicitation, and by ICMP echo, for a path may carry the one and drop
// the other. A question that isn't answered before the change, such as an echo to a gateway
// that answers no ping, isn't asked again.
package reach

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/probe"
)

// A question is asked of one next hop, in one of two ways.
type question struct {
	bond.NextHop
	who string // as messages name it
	// peer is the machine that somebody is logged in from: the next hop to it is found
	// anew after the change. The zero Addr is for a gateway's question.
	peer netip.Addr
	ping bool // ask by ICMP echo
}

// Questions are those to all whom a change must not cut off.
type Questions []question

// Of are the questions to gateways and to peer, from where somebody is logged in; the zero
// Addr is for nobody. peer is left out if it isn't reached over a link of which over says
// so.
func Of(h *bond.Host, gateways []bond.NextHop, peer netip.Addr, over func(link string) bool) (list Questions) {
	for _, g := range gateways {
		who := fmt.Sprintf("gateway %s of %s", g.Addr, g.Link)
		list = append(list, question{NextHop: g, who: who}, question{NextHop: g, who: who + pinged, ping: true})
	}
	if !peer.IsValid() {
		return list
	}
	if hop, err := h.NextHopTo(peer); err == nil && over(hop.Link) {
		far := fmt.Sprintf("%s, from where you are logged in", peer)
		near := far
		if hop.Addr != peer {
			near = fmt.Sprintf("%s, on the way to %s", hop.Addr, far)
		}
		list = append(list, question{NextHop: hop, who: near, peer: peer}, question{NextHop: hop, who: far + pinged, peer: peer, ping: true})
	}
	return list
}

// pinged is said of who is asked by ICMP echo.
const pinged = " (by ping)"

// Answered are the questions that are answered now.
func (list Questions) Answered(ctx context.Context) Questions {
	return list.sift(func(q question) bool { return q.ask(ctx, q.NextHop) == nil })
}

// A Way gives the places where a next hop may be found after the change. It is enough if it
// answers at one of them; where there are none, it can't answer.
type Way func(bond.NextHop) []bond.NextHop

// Unchanged is the Way for a change that moves nobody.
func Unchanged(hop bond.NextHop) []bond.NextHop { return []bond.NextHop{hop} }

// Through is the Way to next hops over links that may be slaves of the bond by now: those
// are asked over the bond. One over a link that isn't a slave yet is asked over either: who
// let go of the link may have left it without an association. If the bond doesn't have the
// address any more in whose name a next hop was asked before, the kernel's routes give another
// one.
func Through(h *bond.Host, st bond.Status) Way {
	return func(hop bond.NextHop) (hops []bond.NextHop) {
		slave := func(m bond.MemberStatus) bool { return m.Name == hop.Link && m.MIIStatus != nil }
		if hop.Link != st.Name && !slices.ContainsFunc(st.Members, slave) {
			hops = append(hops, hop)
		}
		hop.Link = st.Name
		if moved(hop, st) {
			now, err := h.NextHopTo(hop.Addr)
			if err != nil || now.Addr != hop.Addr {
				return hops // there is none from another address
			}
			hop = now
		}
		return append(hops, hop)
	}
}

// Silent are the questions that aren't answered within limit.
func (list Questions) Silent(ctx context.Context, h *bond.Host, limit time.Duration, way Way) Questions {
	return list.silent(ctx, h, limit, way, func(question) {})
}

// CutOff is Silent where it is enough that one next hop answers all of its questions: it is
// nil as soon as one does.
func (list Questions) CutOff(ctx context.Context, h *bond.Host, limit time.Duration, way Way) Questions {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var counting sync.Mutex
	unanswered, reached := map[bond.NextHop]int{}, false
	for _, q := range list {
		unanswered[q.NextHop]++
	}
	left := list.silent(ctx, h, limit, way, func(q question) {
		counting.Lock()
		defer counting.Unlock()
		if unanswered[q.NextHop]--; unanswered[q.NextHop] == 0 {
			reached = true
			cancel()
		}
	})
	if reached {
		return nil
	}
	return left
}

// silent is Silent, and calls answered with each that is answered.
func (list Questions) silent(ctx context.Context, h *bond.Host, limit time.Duration, way Way, answered func(question)) Questions {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	hops := make(map[string][]bond.NextHop) // the host is asked here, and not by several at once
	for _, q := range list {
		hops[q.who] = q.hops(h, way)
	}
	return list.sift(func(q question) bool {
		for ctx.Err() == nil {
			asked := time.Now()
			for _, hop := range hops[q.who] {
				if q.ask(ctx, hop) == nil {
					answered(q)
					return false
				}
			}
			pause(ctx, askPause-time.Since(asked)) // what is refused is refused at once
		}
		return true
	})
}

// hops are the next hops to ask after the change; none where there is no way any more.
func (q question) hops(h *bond.Host, way Way) []bond.NextHop {
	if !q.peer.IsValid() {
		return way(q.NextHop)
	}
	hop, err := h.NextHopTo(q.peer)
	if err != nil {
		return nil
	}
	return []bond.NextHop{hop}
}

// moved says whether the bond lacks the address in whose name a next hop was asked. A
// question in that name might be answered all the same, though nothing else is sent so.
func moved(hop bond.NextHop, st bond.Status) bool {
	own := hop.Own
	return hop.Link == st.Name && own.IsValid() && !own.IsLinkLocalUnicast() &&
		!slices.ContainsFunc(st.Addresses, func(p netip.Prefix) bool { return p.Addr() == own })
}

// askPause is the least time from one question to the next.
const askPause = 200 * time.Millisecond

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (q question) ask(ctx context.Context, hop bond.NextHop) error {
	switch {
	case !q.ping:
		return probe.Neighbour(ctx, hop.Link, hop.Own, hop.Addr)
	case q.peer.IsValid():
		return probe.Echo(ctx, hop.Link, hop.Own, q.peer)
	}
	return probe.Echo(ctx, hop.Link, hop.Own, hop.Addr)
}

// sift keeps the questions of which f says so. f is called for all of them at once.
func (list Questions) sift(f func(question) bool) Questions {
	is := make([]bool, len(list))
	var asking sync.WaitGroup
	for i, q := range list {
		asking.Go(func() { is[i] = f(q) })
	}
	asking.Wait()
	i := -1
	return slices.DeleteFunc(slices.Clone(list), func(question) bool { i++; return !is[i] })
}

// Err says who doesn't answer any more; nil for no questions.
func (list Questions) Err(how string, limit time.Duration) error {
	if len(list) == 0 {
		return nil
	}
	return fmt.Errorf("%s answered before, and not %s within %s", list, how, limit)
}

// String names who is asked, each once: who doesn't answer as a neighbour doesn't answer by
// ICMP echo either.
func (list Questions) String() string {
	var who []string
	for _, q := range list {
		isNeighbour := func(o question) bool { return !o.ping && o.NextHop == q.NextHop }
		if !q.ping || !slices.ContainsFunc(list, isNeighbour) {
			who = append(who, q.who)
		}
	}
	return strings.Join(who, "; ")
}

// wifiTime is how long a Wi-Fi member may take to associate again, and its access point
// to pass on what it sends.
const wifiTime = 30 * time.Second

// activeTime is how long it may take until a slave is active.
const activeTime = 10 * time.Second

// Times is how long to wait for an active slave, and from then on for answers: a port
// forwards only after updelay, and over Wi-Fi everything takes longer.
func Times(limit time.Duration, st bond.Status) (active, answers time.Duration) {
	active, answers = activeTime, limit
	if st.Updelay != nil {
		answers += time.Duration(*st.Updelay) * time.Millisecond
	}
	if slices.ContainsFunc(st.Members, func(m bond.MemberStatus) bool { return m.Kind != nil && *m.Kind == "wifi" }) {
		active, answers = max(active, wifiTime), max(answers, wifiTime)
	}
	return active, answers
}
