package keeper

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/probe"
)

// bearers are the members that answer for IPv4 addresses, under the strategy routes: for its own each one that has a
// link, and for those of one without, another of the same network. Otherwise the neighbours would go on sending to
// the port where nobody is.
type bearers map[netip.Addr]string

// An announcement is that a member answers for an address from now on.
type announcement struct {
	member string
	addr   netip.Addr
	guest  bool                // it is another member's address
	own    []bond.HardwareAddr // of this machine
}

// taken are those addresses which others have to answer for now: their own members have lost the link.
func (b *bearers) taken(st bond.Status) (news []announcement) {
	for addr, bearer := range bearersOf(st) {
		if bearer.owner != bearer.member && (*b)[addr] != bearer.member {
			news = append(news, b.set(addr, bearer, st))
		}
	}
	return news
}

// changed are all for which another one answers now.
func (b *bearers) changed(st bond.Status) (news []announcement) {
	for addr, bearer := range bearersOf(st) {
		before, known := (*b)[addr]
		switch {
		case !known && bearer.member == bearer.owner:
			b.set(addr, bearer, st) // as everybody takes for granted
		case before != bearer.member:
			news = append(news, b.set(addr, bearer, st))
		}
	}
	return news
}

func (b *bearers) set(addr netip.Addr, is bearer, st bond.Status) announcement {
	if *b == nil {
		*b = bearers{}
	}
	(*b)[addr] = is.member
	return announcement{is.member, addr, is.member != is.owner, st.MACs}
}

// A bearer is who answers for an address, and whose it is.
type bearer struct{ member, owner string }

// bearersOf says who is to answer for which address. One for which nobody can isn't there.
func bearersOf(st bond.Status) map[netip.Addr]bearer {
	all := map[netip.Addr]bearer{}
	for _, m := range st.Members {
		for _, p := range m.Addresses {
			if !p.Addr().Is4() {
				continue
			}
			other := standIn(st, m, p)
			switch {
			case linked(m) && (value(m.MIIStatus) == "up" || other == ""):
				all[p.Addr()] = bearer{m.Name, m.Name}
			case other != "":
				all[p.Addr()] = bearer{other, m.Name}
			}
		}
	}
	return all
}

// standIn is the first other member that serves and has an address of the same network; "" for none.
func standIn(st bond.Status, owner bond.MemberStatus, p netip.Prefix) string {
	for _, m := range st.Members {
		if m.Name == owner.Name || !linked(m) || value(m.MIIStatus) != "up" {
			continue
		}
		for _, o := range m.Addresses {
			if o.Masked() == p.Masked() {
				return m.Name
			}
		}
	}
	return ""
}

// announcer is the task that tells the neighbours who answers for an address: at once, and again, for a frame may be
// lost, or the port that it is to go through not be ready.
type announcer struct {
	queue chan []announcement
	log   *slog.Logger
	// tell is [probe.Announce], and taken says whether somebody else has an address there ([probe.Owner]): two
	// networks may have the same prefix.
	tell  func(iface string, addr netip.Addr) error
	taken func(ctx context.Context, n announcement) bool
}

const (
	// announceTimes is how often each is told, announceTime from one to the next.
	announceTimes = 3
	announceTime  = 200 * time.Millisecond
)

func newAnnouncer(k *Keeper) *announcer {
	return &announcer{queue: make(chan []announcement, 16), log: k.Log, tell: probe.Announce, taken: taken}
}

// taken says whether an address is somebody else's on a member's network.
func taken(ctx context.Context, n announcement) bool {
	mac, err := probe.Owner(ctx, n.member, n.addr, func(mac net.HardwareAddr) bool {
		return slices.ContainsFunc(n.own, func(own bond.HardwareAddr) bool { return own.String() == mac.String() })
	})
	return err == nil && mac != nil
}

// announce has addresses announced. It waits for nobody: what can't be told is told by the next change.
func (a *announcer) announce(news []announcement) {
	if len(news) == 0 {
		return
	}
	select {
	case a.queue <- news:
	default:
	}
}

// Run announces until ctx ends.
func (a *announcer) Run(ctx context.Context) error {
	latest := map[netip.Addr]announcement{}
	left := map[netip.Addr]int{}
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case news := <-a.queue:
			for _, n := range news {
				if n.guest && a.taken(ctx, n) {
					a.log.Warn("another host has the address, so that this is another network", "address", n.addr, "interface", n.member)
					delete(latest, n.addr)
					continue
				}
				latest[n.addr], left[n.addr] = n, announceTimes
			}
		case <-again:
		}
		again = nil
		for addr, n := range latest {
			if err := a.tell(n.member, n.addr); err != nil {
				a.log.Info("announce an address", "address", addr, "interface", n.member, "error", err)
			}
			if left[addr]--; left[addr] <= 0 {
				delete(latest, addr)
				delete(left, addr)
			}
		}
		if len(latest) > 0 {
			again = time.After(announceTime)
		}
	}
}
