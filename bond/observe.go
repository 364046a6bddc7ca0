package bond

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/wlan"
	"github.com/bondctl/bondctl/sysfs"
)

// A scan is what netlink tells of a network namespace at one moment. Whoever
// looks at many bonds needs but one.
type scan struct {
	raw   []rtnl.Link
	links []Link         // without what sysfs and udev know, in the order of raw
	place map[string]int // of a link in both, by its name
	traffic
}

// observe reads what the kernel has of the bond called name and of everything
// beside it; members are what may be wanted in it.
func (h *Host) observe(name string, members []Member) (State, error) {
	for {
		all, err := h.scan()
		if err != nil {
			return State{}, err
		}
		if s, err := h.stateIn(all, name, members); !errors.Is(err, errStale) {
			return s, err
		}
	}
}

// stateIn is one bond of a scan, with what sysfs and udev know of it. The error
// is errStale when the scan is too old for that.
func (h *Host) stateIn(all scan, name string, members []Member) (State, error) {
	s := State{Name: name, Links: slices.Clone(all.links), traffic: all.traffic}
	for i := range s.Links {
		h.memberLink(&s.Links[i], name, members)
	}
	return s, h.observeBond(&s, all)
}

// scan lists links, addresses and routes.
func (h *Host) scan() (scan, error) {
	raw, err := h.kernel.Links()
	if err != nil {
		return scan{}, err
	}
	all := scan{raw: raw, links: linksOf(raw), place: make(map[string]int, len(raw))}
	place := make(map[int]*Link, len(raw)) // by index
	for i, r := range raw {
		all.place[r.Name], place[r.Index] = i, &all.links[i]
	}
	if all.addrs, err = h.kernel.Addrs(); err != nil {
		return scan{}, err
	}
	for _, a := range all.addrs {
		if link := place[a.Link]; link != nil && isGlobal(a) {
			link.Addresses = append(link.Addresses, a.Prefix)
		}
	}
	routes, err := h.kernel.Routes()
	all.routes = slices.DeleteFunc(routes, all.byKernel)
	for _, r := range all.routes {
		for _, index := range r.Links() {
			if link := place[index]; link != nil {
				link.Routes++
			}
		}
	}
	return all, err
}

// byKernel says whether the kernel makes a route by itself. That to an address's network
// it doesn't make where it is told not to (IFA_F_NOPREFIXROUTE): then it is somebody
// else's, who only says that it is the kernel's, unless there is another address for
// which the kernel makes it.
func (t *traffic) byKernel(r rtnl.Route) bool {
	claimed := func(a rtnl.Addr) bool {
		return a.Link == r.Link && a.Flags&unix.IFA_F_NOPREFIXROUTE != 0 && a.Prefix.Masked() == r.Destination
	}
	makes := func(a rtnl.Addr) bool { return a.Link == r.Link && a.Makes(r) }
	return r.Protocol == unix.RTPROT_KERNEL && (!slices.ContainsFunc(t.addrs, claimed) || slices.ContainsFunc(t.addrs, makes))
}

// isGlobal says whether an address is one that somebody would miss. Those of link
// scope come back by themselves.
func isGlobal(a rtnl.Addr) bool {
	return a.Scope == unix.RT_SCOPE_UNIVERSE || a.Scope == unix.RT_SCOPE_SITE
}

// linksOf turns a dump into links.
func linksOf(raw []rtnl.Link) []Link {
	names := make(map[int]string, len(raw))
	for _, r := range raw {
		names[r.Index] = r.Name
	}
	upper := map[int][]string{}
	for _, r := range raw {
		if lower := lowerOf(r); lower != 0 {
			upper[lower] = append(upper[lower], r.Name)
		}
	}
	links := make([]Link, len(raw))
	for i, r := range raw {
		links[i] = Link{
			Name: r.Name, Index: r.Index, Kind: r.Kind, Master: names[r.Master],
			Up: r.Up, MAC: HardwareAddr(r.HardwareAddr()), MTU: r.MTU, Upper: upper[r.Index],
			PermMAC: HardwareAddr(cmp.Or(r.PermMAC, r.MAC)), Changes: int(r.CarrierChanges),
			MinMTU: r.MinMTU, MaxMTU: r.MaxMTU, data: r.Data, ready6: r.Ready6,
			Lower: lowerOf(r), AltNames: strings.FieldsFunc(r.AltNames, func(c rune) bool { return c == 0 }),
		}
	}
	return links
}

// lowerOf is the ifindex of what a link is stacked upon; 0 for nothing. A veth's parent
// is its peer.
func lowerOf(r rtnl.Link) int {
	if r.Kind == "veth" {
		return 0
	}
	return r.Parent
}

// asked says whether a member's entry names a link, or else whether a pattern
// may take it: what has a kind is virtual, and taken by its name alone.
func asked(l Link, members []Member) (named, pattern bool) {
	for _, m := range members {
		if m.mayBeLink(l) {
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
func (h *Host) observeBond(s *State, all scan) error {
	i, present := all.place[s.Name]
	if !present {
		s.raMetric, s.ipv6 = readRAMetric("default"), readIPv6("default")
	}
	_, err := os.Stat("/proc/sys/net/ipv6")
	s.no6 = errors.Is(err, fs.ErrNotExist)
	if !present || all.raw[i].Kind != "bond" {
		return nil
	}
	s.raMetric, s.ipv6 = readRAMetric(s.Name), readIPv6(s.Name)
	b, err := h.sysfs.Bond(s.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return h.unreadable(s.Name, all.raw[i].Index, err)
	}
	if err != nil {
		return err
	}
	options, err := optionsOf(b)
	if err != nil {
		return err
	}
	if options.NSIP6Target == nil {
		options.NSIP6Target = nsTargetsOf(all.raw[i])
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
	return h.observeSlaves(s, all, b.Slaves)
}

// observeSlaves reads the bond's slaves.
func (h *Host) observeSlaves(s *State, all scan, names []string) error {
	for _, name := range names {
		slave, err := h.sysfs.Slave(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it left while we looked
		}
		if err != nil {
			return err
		}
		if j, present := all.place[name]; present {
			if slave.Prio == nil {
				slave.Prio = prioOf(all.raw[j])
			}
			if all.raw[j].PermMAC == "" {
				s.Links[j].PermMAC = HardwareAddr(slave.PermHWAddr) // it may carry the bond's for now
			}
		}
		s.Bond.Slaves = append(s.Bond.Slaves, SlaveState{
			Name: name, MIIStatus: slave.MIIStatus, LinkFailureCount: slave.LinkFailureCount,
			PermHWAddr: HardwareAddr(slave.PermHWAddr), Prio: slave.Prio,
		})
	}
	return nil
}

// errStale says that the bond which was listed is gone, or another one by now.
var errStale = errors.New("the bond has changed while it was read")

// unreadable tells that from a bond which sysfs doesn't show at all.
func (h *Host) unreadable(name string, index int, err error) error {
	switch l, again := h.kernel.Link(name); {
	case errors.Is(again, fs.ErrNotExist), again == nil && (l.Name != name || l.Index != index):
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
