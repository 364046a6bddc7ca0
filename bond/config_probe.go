package bond

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Probe says how a keeper watches what is behind the first hop of each member: a switch that has lost
// its own uplink keeps the carrier up, and carries nothing. The zero value watches the gateways at the usual
// pace.
type Probe struct {
	// Target are the addresses that are asked. A bond's are on the link itself, and asked by ARP or by neighbour
	// solicitation. Those of the strategy routes may be anywhere, and are asked by ICMP echo.
	Target []netip.Addr `json:"target,omitempty"`
	// URLs are those of web servers that are asked as well, under the strategy routes; a 2xx answer counts. Where
	// there is neither, the gateways are asked: of the bond's default routes, or each member's.
	URLs     []string `json:"urls,omitempty"`
	Interval *Millis  `json:"interval,omitempty"` // between two rounds of questions; nil for a second
	Fails    *int     `json:"fails,omitempty"`    // rounds in a row without an answer until a path is dead; nil for 3
	Passes   *int     `json:"passes,omitempty"`   // rounds in a row with one until it is used again; nil for 3
}

// The defaults of a Probe, and what its interval may be.
const (
	probeInterval      = Millis(1000)
	leastProbeInterval = Millis(100)
	mostProbeInterval  = Millis(3_600_000)
	probeCount         = 3
	mostProbeCount     = 100
	mostProbeTargets   = 16
	leastURLInterval   = Millis(1000)
)

// Every is the time between two rounds of questions.
func (p Probe) Every() time.Duration {
	return time.Duration(valueOr(p.Interval, probeInterval)) * time.Millisecond
}

// Needs are how many rounds in a row end a path, and how many bring it back.
func (p Probe) Needs() (fails, passes int) {
	return valueOr(p.Fails, probeCount), valueOr(p.Passes, probeCount)
}

// targetGateway is the word for the gateways.
const targetGateway = "gateway"

// probeKeys are those of the table probe.
var probeKeys = []Key{
	{Name: "probe", kind: kind{table: true, bare: "probe.target", bareValue: targetGateway}},
	{Name: "probe.target", List: true, kind: probeTargets(), Default: "gateway, once there is [probe]",
		Usage: "`ADDRESS` whom the keeper asks through each member, backups too, whether the path works: gateway, or addresses on the link; under the strategy routes also addresses beyond it, and http and https URLs; without [probe] nobody is asked"},
	{Name: "probe.interval", kind: ofProbe(one(func(p *Probe) **Millis { return &p.Interval }, pointerTo(parseProbeInterval))), Default: "1s",
		Usage: "`TIME` how often each is asked"},
	{Name: "probe.fails", kind: ofProbe(one(func(p *Probe) **int { return &p.Fails }, pointerTo(wholeNumber[int](1, mostProbeCount)))), Default: "3",
		Usage: "`N` a path is dead, and its member not used, after so many intervals in a row without an answer"},
	{Name: "probe.passes", kind: ofProbe(one(func(p *Probe) **int { return &p.Passes }, pointerTo(wholeNumber[int](1, mostProbeCount)))), Default: "3",
		Usage: "`N` it is used again after so many in a row with one; more where it comes and goes"},
}

// ofProbe is the kind of a key that is a field of [Config.Probe], which is there once one of its keys is.
func ofProbe(k kind) kind {
	set, get := k.set, k.get
	k.set = func(into any, text string) error {
		c := into.(*Config)
		var p Probe
		if c.Probe != nil {
			p = *c.Probe
		}
		err := set(&p, text)
		if err == nil {
			c.Probe = &p
		}
		return err
	}
	k.get = func(from any) any {
		if p := from.(*Config).Probe; p != nil {
			return get(p)
		}
		return nil
	}
	return k
}

// probeTargets is the kind of the targets. It is written even at its default, so that a file says that
// paths are watched.
func probeTargets() kind {
	k := ofProbe(kind{
		texts: targetTexts,
		set: func(into any, text string) error {
			p := into.(*Probe)
			if text == targetGateway {
				p.Target, p.URLs = nil, nil
				return nil
			}
			return p.addTarget(text)
		},
		get: func(from any) any {
			var list []any
			for _, target := range from.(*Probe).targets() {
				list = append(list, target)
			}
			if list == nil {
				return targetGateway
			}
			return list
		},
	})
	k.clear = func(into any) {
		if c := into.(*Config); c.Probe != nil {
			p := *c.Probe
			p.Target, p.URLs = nil, nil
			c.Probe = &p
		}
	}
	return k
}

// targetTexts are the word or the addresses.
func targetTexts(value any) ([]string, error) {
	texts, err := eachText(value)
	switch {
	case err != nil:
		return nil, errors.New("it takes \"gateway\", or a list such as [\"192.0.2.1\"]")
	case len(texts) == 0:
		return nil, errors.New("the list is empty; write \"gateway\" or an address, or leave [probe] out")
	case len(texts) > 1 && slices.Contains(texts, targetGateway):
		return nil, errors.New("gateway stands alone; write it, or addresses")
	}
	return texts, nil
}

// targets are all who are named; nil for the gateways.
func (p *Probe) targets() (list []string) {
	for _, a := range p.Target {
		list = append(list, a.String())
	}
	return append(list, p.URLs...)
}

// addTarget adds an address or a URL. It copies the list, which another configuration may have.
func (p *Probe) addTarget(text string) error {
	switch {
	case slices.Contains(p.targets(), text):
		return fmt.Errorf("%s is there twice; name it once", text)
	case len(p.targets()) == mostProbeTargets:
		return fmt.Errorf("%s is one too many; it takes %d", text, mostProbeTargets)
	}
	if strings.Contains(text, "//") {
		if err := checkURL(text); err != nil {
			return err
		}
		p.URLs = append(slices.Clip(p.URLs), text)
		return nil
	}
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil || a.Zone() != "":
		return fmt.Errorf("%q is no address to ask; write gateway, or one such as 192.0.2.1 or 2001:db8::1", text)
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.Is4In6() || a == limitedBroadcast:
		return fmt.Errorf("%s is not the address of one host; name one that answers", a)
	case slices.Contains(p.Target, a):
		return fmt.Errorf("%s is there twice; name it once", a)
	}
	p.Target = append(slices.Clip(p.Target), a)
	return nil
}

// checkURL refuses what no web server could be asked for.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no web address: %w", text, errors.Unwrap(err))
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q is asked by %s, and only http and https are known", text, u.Scheme)
	case u.Hostname() == "":
		return fmt.Errorf("%q names no server", text)
	case u.User != nil || u.Fragment != "":
		return fmt.Errorf("%q has a user or a fragment, which nobody is asked with; leave that out", text)
	}
	return nil
}

func parseProbeInterval(text string) (Millis, error) {
	m, err := millisUpTo(int(mostProbeInterval))(text)
	if err == nil && m < leastProbeInterval {
		err = fmt.Errorf("%q is too short a time for an answer; write %d ms at least", text, leastProbeInterval)
	}
	return m, err
}

// checkProbe refuses what can't be watched, and a second judge of paths.
func (c *Config) checkProbe(say sayer) {
	if c.Probe == nil {
		return
	}
	if value(c.Options.ARPInterval) > 0 {
		say("probe.target", "with arp_interval the kernel itself watches paths; leave [probe] out, or arp_interval")
	}
	if len(c.Probe.URLs) > 0 && valueOr(c.Probe.Interval, probeInterval) < leastURLInterval {
		say("probe.interval", "a web server needs more time for an answer; write %d ms at least, or leave the URL out", leastURLInterval)
	}
	if c.ByRoutes() {
		return // whose members reach targets by their gateways
	}
	for _, u := range c.Probe.URLs {
		say("probe.target", "%s is a web address, which of a bond only the active member can ask for; name the gateway, or an address on the link", u)
	}
	named := !c.WantsDHCP() && slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
	for _, a := range c.Probe.Target {
		onLink := slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Contains(a) }) ||
			slices.ContainsFunc(c.Routes, func(r Route) bool { return !r.Via.IsValid() && r.To.Contains(a) })
		switch {
		case slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr() == a }):
			say("probe.target", "%s is the bond's own address; name somebody else's", a)
		case a.Is6() && c.Method6 == MethodNone:
			say("probe.target", "ipv6.method none and an IPv6 target contradict each other; leave one of them out")
		case a.Is4() && named && !onLink:
			say("probe.target", "%s is in none of the bond's networks, and only who is on the link answers; name one that is, or gateway", a)
		}
	}
}

// noteProbe tells that there is nobody to ask.
func (w *wanted) noteProbe(c Config) {
	if c.Probe == nil || len(c.Probe.Target) > 0 || len(c.Gateways) > 0 || c.WantsDHCP() || c.Method6 != MethodStatic && c.Method6 != MethodNone {
		return
	}
	if slices.ContainsFunc(c.Routes, func(r Route) bool { return r.To.Bits() == 0 && r.Via.IsValid() }) {
		return
	}
	w.note("probe: the bond has no gateway, so no path is watched until it has one; name an address with target")
}
