package bond

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// advertisedOver is the default route that the kernel makes of a router's advertisement.
func advertisedOver(link int, metric uint32) rtnl.Route {
	r := rtnl.NewRoute(netip.MustParsePrefix("::/0"), netip.MustParseAddr("fe80::1")).By(link).WithMetric(metric)
	r.Protocol, r.Expires = unix.RTPROT_RA, 1800
	return r
}

// routerGroup is a group whose second member has a router, which is in main with the kernel's own metric.
func routerGroup(t *testing.T) (Config, State) {
	t.Helper()
	c := groupOf(t, "strategy = \"routes\"\n[[member]]\nname = \"eth1\"\n[[member]]\nname = \"eth0\"\n[member.ipv4]\nmethod = \"none\"\n")
	_, s := twoNICs(t, "")
	s.memberSysctls = []sysctl{{2, "ipv6", raMetric.Key, "1024"}}
	s.addrs = []rtnl.Addr{rtnl.NewAddr(netip.MustParsePrefix("2001:db8::7/64")).On(2)}
	s.routes = []rtnl.Route{advertisedOver(2, 1024)}
	return c, s
}

// TestRoutesRouters: what a router advertises is in main by the kernel, with the metric of the order, and goes with it.
func TestRoutesRouters(t *testing.T) {
	c, s := routerGroup(t)
	p, steps := stepsOf(t, c, s)
	want := `set net.ipv6.conf.eth0.ra_defrtr_metric: 1024 -> 101
have 2001:db8::7/64 on eth0 with metric 101
add route 2001:db8::/64 table 31002 over eth0
add default route via fe80::1 table 31002 over eth0
ask the routers on eth0 to advertise anew
add rule 30000: from 2001:db8::7/128 to 2001:db8::/64 lookup 31002
add rule 30001: from 2001:db8::7/128 lookup main suppress_prefixlength 0
add rule 30002: from 2001:db8::7/128 lookup 31002`
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s = s.done(p)
	s.routes = filter(s.routes, func(r rtnl.Route) bool { return r.Protocol != unix.RTPROT_RA })
	if _, steps := stepsOf(t, c, s); steps != "remove default route via fe80::1 table 31002 over eth0" {
		t.Errorf("the router is gone:\n%s", steps)
	}
}

// TestRoutesIPv6: the kernel does a link's IPv6 where a manager did, and nowhere else.
func TestRoutesIPv6(t *testing.T) {
	for _, lasts := range []bool{true, false} {
		c, s := routerGroup(t)
		s.memberSysctls = append(s.memberSysctls, sysctl{2, "ipv6", acceptRA, "0"}, sysctl{2, "ipv6", addrGenMode, "1"})
		if lasts {
			s.routes[0].Expires = rtnl.Forever
		}
		_, steps := stepsOf(t, c, s)
		for _, want := range []string{"set net.ipv6.conf.eth0.accept_ra: 0 -> 1", "set net.ipv6.conf.eth0.addr_gen_mode: 1 -> 0"} {
			if strings.Contains(steps, want) != lasts {
				t.Errorf("a lasting route %t: %q\n%s", lasts, want, steps)
			}
		}
	}
}

// TestRoutesRouterHeldBack: the route of a router whose member is held back goes at once, for a dead router says nothing
// any more; one of ours stands in for it, and goes when the kernel's is there.
func TestRoutesRouterHeldBack(t *testing.T) {
	c, s := routerGroup(t)
	p, _ := stepsOf(t, c, s)
	s = s.done(p)
	s.routes = filter(s.routes, func(r rtnl.Route) bool { return r.Protocol != unix.RTPROT_RA })
	s.routes = append(s.routes, advertisedOver(2, 101))
	s.heldBack = map[string]bool{"eth0": true}
	p, steps := stepsOf(t, c, s)
	want := `set net.ipv6.conf.eth0.ra_defrtr_metric: 101 -> 20101
have 2001:db8::7/64 on eth0 with metric 20101
add default route via fe80::1 metric 40101 over eth0
remove default route via fe80::1 metric 101 over eth0
ask the routers on eth0 to advertise anew`
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s = s.done(p)
	if _, steps := stepsOf(t, c, s); steps != "" {
		t.Errorf("while one stands in:\n%s", steps)
	}
	s.routes = append(s.routes, advertisedOver(2, 20101))
	if _, steps := stepsOf(t, c, s); steps != "remove default route via fe80::1 metric 40101 over eth0" {
		t.Errorf("the kernel's is back:\n%s", steps)
	}
	s.sysctls = s.memberSysctls
	back := texts(NewRestore(*s.Before, s).Steps)
	wantBack := []string{
		"remove route 2001:db8::/64 table 31002 over eth0",
		"remove default route via fe80::1 table 31002 over eth0",
		"remove default route via fe80::1 metric 40101 over eth0",
		"remove rule 30000: from 2001:db8::7/128 to 2001:db8::/64 lookup 31002",
		"remove rule 30001: from 2001:db8::7/128 lookup main suppress_prefixlength 0",
		"remove rule 30002: from 2001:db8::7/128 lookup 31002",
		"set net.ipv6.conf.eth0.ra_defrtr_metric: 20101 -> 1024",
		"have 2001:db8::7/64 on eth0 with no metric of its own",
		"ask the routers on eth0 to advertise anew",
	}
	if diff := cmp.Diff(wantBack, back); diff != "" {
		t.Errorf("the way back (-want +got)\n%s", diff)
	}
}
