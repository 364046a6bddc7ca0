package bond

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/wlan"
	"github.com/bondctl/bondctl/sysfs"
)

// observe reads what the kernel has of the bond called name and of everything
// beside it; members are what may be wanted in it.
func (h *Host) observe(name string, members []Member) (State, error) {
	raw, err := h.kernel.links()
	if err != nil {
		return State{}, err
	}
	s := State{Name: name, Links: h.linksOf(raw, name, members)}
	err = h.observeBond(&s, raw)
	if errors.Is(err, errStale) {
		return h.observe(name, members)
	}
	if err != nil {
		return State{}, err
	}
	if err := h.observeAddresses(&s); err != nil {
		return State{}, err
	}
	return s, h.observeRoutes(&s, members)
}

// linksOf turns a dump into links, with what sysfs and udev know of those that
// are in the bond or wanted there.
func (h *Host) linksOf(raw []rawLink, bond string, members []Member) []Link {
	names := make(map[int]string, len(raw))
	for _, r := range raw {
		names[r.index] = r.name
	}
	upper := map[int][]string{}
	for _, r := range raw {
		// A veth's parent is its peer, and nothing is stacked upon that.
		if r.parent != 0 && r.kind != "veth" {
			upper[r.parent] = append(upper[r.parent], r.name)
		}
	}
	links := make([]Link, len(raw))
	for i, r := range raw {
		links[i] = Link{
			Name: r.name, Index: r.index, Kind: r.kind, Master: names[r.master],
			Up: r.up, MAC: r.mac, MTU: r.mtu, Upper: upper[r.index], PermMAC: r.permMAC,
		}
		if r.permMAC == nil {
			links[i].PermMAC = r.mac
		}
		h.memberLink(&links[i], bond, members)
	}
	return links
}

// asked says whether a member's entry names a link, or else whether a pattern
// may take it: what has a kind is virtual, and taken by its name alone.
func asked(l Link, members []Member) (named, pattern bool) {
	for _, m := range members {
		if m.mayBe(l.Name) {
			named = named || m.exact()
			pattern = pattern || l.Kind == ""
		}
	}
	return named, pattern && !named
}

// memberLink adds what decides whether and how a link can be a member, and how
// it fares as one; it spares others the look into sysfs. An interface that
// vanishes meanwhile is found absent next time.
func (h *Host) memberLink(l *Link, bond string, members []Member) {
	named, pattern := asked(*l, members)
	if !named && !pattern && l.Master != bond {
		return
	}
	d, err := h.sysfs.Device(l.Name)
	if err != nil {
		return
	}
	l.WiFi, l.Driver, l.Bus = d.Wireless, d.Driver, d.Bus
	l.OperState, l.Carrier = d.OperState, d.Carrier
	l.Hardware = pattern && d.Physical && d.Type == unix.ARPHRD_ETHER && (!l.WiFi || h.isStation(l.Name))
	if l.WiFi {
		blocked, err := h.sysfs.RFKill(l.Name)
		l.RFKill = err == nil && blocked != ""
	}
	// Before there is a carrier the speed is still being negotiated.
	l.SpeedUnknown = value(d.Carrier) && d.Speed == nil
	l.Initializing = h.udevBusy(l.Index)
}

// isStation says whether a Wi-Fi interface is a station and no access point,
// say. One whose type can't be had is none.
func (h *Host) isStation(name string) bool {
	c, err := wlan.Open()
	if err != nil {
		return false
	}
	defer c.Close()
	stations, err := c.StationNames()
	return err == nil && slices.Contains(stations, name)
}

// udevBusy says whether udev has yet to be done with a network device, by
// udev's own records. udevd looks after the initial network namespace alone.
func (h *Host) udevBusy(ifindex int) bool {
	if !h.initialNamespace {
		return false
	}
	if _, err := os.Stat("/run/udev/control"); err != nil {
		return false
	}
	record, err := os.ReadFile(filepath.Join("/run/udev/data", "n"+strconv.Itoa(ifindex)))
	return err != nil || strings.Contains(string(record), "E:ID_RENAMING=1")
}

// observeBond reads the bond itself: from sysfs, and from netlink what Linux
// 6.1 doesn't show there.
func (h *Host) observeBond(s *State, raw []rawLink) error {
	i := slices.IndexFunc(raw, func(r rawLink) bool { return r.name == s.Name })
	if i < 0 || raw[i].kind != "bond" {
		return nil
	}
	b, err := h.sysfs.Bond(s.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return h.unreadable(s.Name, raw[i].index, err)
	}
	if err != nil {
		return err
	}
	options, err := optionsOf(b)
	if err != nil {
		return err
	}
	if options.NSIP6Target == nil {
		options.NSIP6Target = raw[i].nsIP6Target
	}
	// No targets, no attribute: a kernel that is young enough for
	// arp_missed_max is taken to know it (5.17 and 5.18).
	if options.NSIP6Target == nil && options.ARPMissedMax != nil {
		options.NSIP6Target = []netip.Addr{}
	}
	s.Bond = &BondState{
		Mode: b.Mode, Options: options, Primary: b.Primary,
		ActiveSlave: b.ActiveSlave, MIIStatus: b.MIIStatus,
	}
	for _, name := range b.Slaves {
		slave, err := h.sysfs.Slave(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it left while we looked
		}
		if err != nil {
			return err
		}
		if j := slices.IndexFunc(raw, func(r rawLink) bool { return r.name == name }); j >= 0 {
			if slave.Prio == nil {
				slave.Prio = raw[j].prio
			}
			if raw[j].permMAC == nil {
				s.Links[j].PermMAC = slave.PermHWAddr // it may carry the bond's for now
			}
		}
		s.Bond.Slaves = append(s.Bond.Slaves, SlaveState{
			Name: name, MIIStatus: slave.MIIStatus, LinkFailureCount: slave.LinkFailureCount,
			PermHWAddr: slave.PermHWAddr, Prio: slave.Prio,
		})
	}
	return nil
}

// errStale says that the bond which was listed is gone, or another one by now.
var errStale = errors.New("the bond has changed while it was read")

// unreadable tells that from a bond which sysfs doesn't show at all.
func (h *Host) unreadable(name string, index int, err error) error {
	switch l, again := h.kernel.link(name); {
	case errors.Is(again, fs.ErrNotExist), again == nil && l.index != index:
		return errStale
	case again != nil:
		return again
	}
	return fmt.Errorf("read %s: %w; is this sysfs of another network namespace?", name, err)
}

// optionsOf turns what sysfs shows into Options.
func optionsOf(b sysfs.Bond) (Options, error) {
	o := Options{
		Miimon: millis(b.Miimon), Updelay: millis(b.Updelay), Downdelay: millis(b.Downdelay),
		PeerNotifDelay: millis(b.PeerNotifDelay), ARPInterval: millis(b.ARPInterval),
		NumGratARP: b.NumGratARP, ARPMissedMax: b.ARPMissedMax,
		AllSlavesActive: b.AllSlavesActive, ResendIGMP: b.ResendIGMP,
		ARPIPTarget: b.ARPIPTarget, NSIP6Target: b.NSIP6Target,
	}
	if o.ARPIPTarget == nil {
		o.ARPIPTarget = []netip.Addr{}
	}
	for key, word := range map[string]*string{
		"primary_reselect": b.PrimaryReselect, "fail_over_mac": b.FailOverMAC,
		"arp_validate": b.ARPValidate, "arp_all_targets": b.ARPAllTargets,
	} {
		if word == nil {
			continue
		}
		if err := mustRow(key).set(&o, *word); err != nil {
			return o, fmt.Errorf("read %s of %s: %w", key, b.Name, err)
		}
	}
	return o, nil
}

func millis(p *int) *Millis {
	if p == nil {
		return nil
	}
	return new(Millis(*p))
}

// observeAddresses adds the addresses of global scope: those that somebody
// would miss. Addresses of link scope come back by themselves.
func (h *Host) observeAddresses(s *State) error {
	list, err := retryDump(func() ([]netlink.Addr, error) { return h.handle.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range list {
		if a.Scope != unix.RT_SCOPE_UNIVERSE && a.Scope != unix.RT_SCOPE_SITE {
			continue
		}
		ip, _ := netip.AddrFromSlice(a.IP)
		ones, _ := a.Mask.Size()
		prefix := netip.PrefixFrom(ip.Unmap(), ones)
		if i := slices.IndexFunc(s.Links, func(l Link) bool { return l.Index == a.LinkIndex }); i >= 0 {
			s.Links[i].Addresses = append(s.Links[i].Addresses, prefix)
			if s.Links[i].Name == s.Name && s.Bond != nil {
				s.Bond.Addresses = append(s.Bond.Addresses, prefix)
			}
		}
	}
	return nil
}

// observeRoutes counts the routes over members, and notes those over the bond.
// The kernel's own and its local table don't count: they come with addresses.
func (h *Host) observeRoutes(s *State, members []Member) error {
	loose := slices.ContainsFunc(s.Links, func(l Link) bool { return owner(members, l) >= 0 && l.Master == "" })
	if !loose && s.Bond == nil {
		return nil // nobody that could have one
	}
	every := &netlink.Route{Table: unix.RT_TABLE_UNSPEC}
	list, err := retryDump(func() ([]netlink.Route, error) {
		return h.handle.RouteListFiltered(netlink.FAMILY_ALL, every, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	for _, r := range list {
		if r.Protocol == unix.RTPROT_KERNEL || r.Table == unix.RT_TABLE_LOCAL {
			continue
		}
		for i, l := range s.Links {
			if !isOver(r, l.Index) {
				continue
			}
			s.Links[i].Routes++
			if l.Name == s.Name && s.Bond != nil {
				s.Bond.addRoute(r)
			}
		}
	}
	return nil
}

// isOver says whether a route, or one of its paths, leads over a link.
func isOver(r netlink.Route, index int) bool {
	return r.LinkIndex == index ||
		slices.ContainsFunc(r.MultiPath, func(p *netlink.NexthopInfo) bool { return p.LinkIndex == index })
}

// addRoute notes a route over the bond; a default route of the main table that
// somebody set may be the one that is wanted.
func (b *BondState) addRoute(r netlink.Route) {
	b.routes = append(b.routes, r)
	ones := 0
	if r.Dst != nil {
		ones, _ = r.Dst.Mask.Size()
	}
	gateway, ok := netip.AddrFromSlice(r.Gw)
	set := r.Protocol == unix.RTPROT_STATIC || r.Protocol == unix.RTPROT_BOOT
	if ok && ones == 0 && set && r.Table == unix.RT_TABLE_MAIN {
		b.Gateways = append(b.Gateways, gateway.Unmap())
	}
}

// retryDump repeats a dump that was interrupted by a change.
func retryDump[T any](dump func() ([]T, error)) ([]T, error) {
	for {
		list, err := dump()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return list, err
		}
	}
}
