package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/probe"
)

// A question is whether somebody answers who is needed: before the change and after it.
type question struct {
	bond.NextHop
	who string
	// peer is whose next hop it is, where that has to be found anew after the change.
	peer netip.Addr
}

// questions are who is needed: the gateway of each default route and, if somebody is
// logged in over one of the links, the next hop on the way there. What goes over members
// that are dropped has been said, and ends.
func questions(h *bond.Host, before *bond.Image, drops []string) []question {
	gateways := slices.DeleteFunc(before.Gateways(), func(g bond.NextHop) bool { return slices.Contains(drops, g.Link) })
	return questionsTo(h, gateways, before.Has)
}

// questionsTo are those to gateways, and to the one who is logged in over a link.
func questionsTo(h *bond.Host, gateways []bond.NextHop, over func(link string) bool) (list []question) {
	for _, g := range gateways {
		list = append(list, question{NextHop: g, who: fmt.Sprintf("gateway %s of %s", g.Addr, g.Link)})
	}
	peer, ok := sshPeer(sshConnection())
	if !ok {
		return list
	}
	if hop, err := h.NextHopTo(peer); err == nil && over(hop.Link) {
		list = append(list, question{NextHop: hop, who: peerText(peer, hop), peer: peer})
	}
	return list
}

// peerText says who somebody is that is logged in.
func peerText(peer netip.Addr, hop bond.NextHop) string {
	text := fmt.Sprintf("%s, from where you are logged in", peer)
	if hop.Addr != peer {
		return fmt.Sprintf("%s, on the way to %s", hop.Addr, text)
	}
	return text
}

// sshPeer reads SSH_CONNECTION, which sshd(8) sets: the peer's address and port, and
// this machine's. It is foreign input, of which only the address is used.
func sshPeer(value string) (netip.Addr, bool) {
	fields := strings.Split(value, " ")
	if len(fields) != 4 {
		return netip.Addr{}, false
	}
	peer, err := netip.ParseAddr(fields[0])
	_, ownErr := netip.ParseAddr(fields[2])
	if err != nil || ownErr != nil || !isPort(fields[1]) || !isPort(fields[3]) {
		return netip.Addr{}, false
	}
	// The kernel looks for a route by the address alone.
	peer = peer.Unmap().WithZone("")
	if peer.IsUnspecified() || peer.IsMulticast() || peer.IsLoopback() {
		return netip.Addr{}, false
	}
	return peer, true
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// answered are the questions that are answered now.
func answered(ctx context.Context, list []question) []question {
	return sift(list, func(q question) bool { return q.ask(ctx, q.NextHop) == nil })
}

// silent are the questions that aren't answered in that time, through the bond or over
// what isn't in it.
func silent(ctx context.Context, h *bond.Host, asks []question, limit time.Duration, st bond.Status) []question {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	hops := make(map[string]bond.NextHop) // the host is asked here, and not by several at once
	for _, q := range asks {
		hop := q.NextHop
		hop.Link = through(st, hop.Link)
		var err error
		switch {
		case q.peer.IsValid():
			if hop, err = h.NextHopTo(q.peer); err != nil {
				continue // there is no way any more
			}
		case moved(hop, st):
			if hop, err = h.NextHopTo(q.Addr); err != nil || hop.Addr != q.Addr {
				continue // as there is none from another address
			}
		}
		hops[q.who] = hop
	}
	return sift(asks, func(q question) bool {
		hop, known := hops[q.who]
		for known && ctx.Err() == nil {
			asked := time.Now()
			if q.ask(ctx, hop) == nil {
				return false
			}
			pause(ctx, askPause-time.Since(asked)) // what is refused is refused at once
		}
		return true
	})
}

// moved says whether the bond hasn't got the address any more by which somebody was asked.
// It would be answered for all that, and nothing else be sent that way.
func moved(hop bond.NextHop, st bond.Status) bool {
	own := hop.Own
	return hop.Link == st.Name && own.IsValid() && !own.IsLinkLocalUnicast() &&
		!slices.ContainsFunc(st.Addresses, func(p netip.Prefix) bool { return p.Addr() == own })
}

// through is the bond, in the place of a link that is one of its slaves by now.
func through(st bond.Status, link string) string {
	slave := func(m bond.MemberStatus) bool { return m.Name == link && m.MIIStatus != nil }
	if slices.ContainsFunc(st.Members, slave) {
		return st.Name
	}
	return link
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
	return probe.Neighbour(ctx, hop.Link, hop.Own, hop.Addr)
}

// sift is the part of a list of which f says so, which is asked of all at once.
func sift(list []question, f func(question) bool) []question {
	is := make([]bool, len(list))
	var asking sync.WaitGroup
	for i, q := range list {
		asking.Go(func() { is[i] = f(q) })
	}
	asking.Wait()
	i := -1
	return slices.DeleteFunc(slices.Clone(list), func(question) bool { i++; return !is[i] })
}

// silentError says who doesn't answer any more; nil where everybody does.
func silentError(silent []question, how string, limit time.Duration) error {
	if len(silent) == 0 {
		return nil
	}
	return fmt.Errorf("%s answered before, and not %s within %s", listWho(silent), how, limit)
}

func listWho(list []question) string {
	var who []string
	for _, q := range list {
		who = append(who, q.who)
	}
	return strings.Join(who, "; ")
}

// wifiTime is how long a Wi-Fi member may take to associate again, and its access point
// to pass on what it sends.
const wifiTime = 30 * time.Second

// activeTime is how long it may take until a slave is active.
const activeTime = 10 * time.Second

// verifyTimes is how long to wait for an active slave, and from then on for answers: a
// port forwards only after updelay, and over Wi-Fi everything takes longer.
func verifyTimes(limit time.Duration, st bond.Status) (active, answers time.Duration) {
	active, answers = activeTime, limit
	if st.Updelay != nil {
		answers += time.Duration(*st.Updelay) * time.Millisecond
	}
	if slices.ContainsFunc(st.Members, func(m bond.MemberStatus) bool { return m.Kind != nil && *m.Kind == "wifi" }) {
		active, answers = max(active, wifiTime), max(answers, wifiTime)
	}
	return active, answers
}
