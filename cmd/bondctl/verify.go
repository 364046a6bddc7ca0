package main

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/reach"
)

// questions are those to the gateway of each default route and, if somebody is logged in over
// one of the image's links, to the machine that they come from. The gateways of members in
// drops are left out: that these are cut off has been told.
func questions(h *bond.Host, before *bond.Image, drops []string) reach.Questions {
	gateways := slices.DeleteFunc(before.Gateways(), func(g bond.NextHop) bool { return slices.Contains(drops, g.Link) })
	return questionsTo(h, gateways, before.Has)
}

// questionsTo are those to gateways, and to the machine that somebody is logged in from over
// a link of which over says so.
func questionsTo(h *bond.Host, gateways []bond.NextHop, over func(link string) bool) reach.Questions {
	peer, _ := sshPeer(sshConnection())
	return reach.Of(h, gateways, peer, over)
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
