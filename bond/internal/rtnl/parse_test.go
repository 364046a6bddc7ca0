package rtnl

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// attrs puts attributes behind a header.
func attrs(header []byte, list ...[]byte) []byte {
	for _, a := range list {
		header = append(header, a...)
	}
	return header
}

func attr(kind uint16, value ...byte) []byte { return appendAttr(nil, kind, value) }

func text(kind uint16, s string) []byte { return appendAttr(nil, kind, append([]byte(s), 0)) }

func number(kind uint16, n uint32) []byte { return appendUint32(nil, kind, n) }

// bondBody is what the kernel says of a bond, slaveBody of a slave.
func bondBody() []byte {
	return attrs(linkHeader(7, unix.IFF_UP, 0),
		text(unix.IFLA_IFNAME, "bond0"), number(unix.IFLA_MTU, 1500), number(unix.IFLA_MAX_MTU, 65535),
		attr(unix.IFLA_PROP_LIST, text(unix.IFLA_ALT_IFNAME, "uplink")...),
		attr(unix.IFLA_LINKINFO, attrs(text(unix.IFLA_INFO_KIND, "bond"), attr(unix.IFLA_INFO_DATA, 1, 2, 3, 4))...))
}

func slaveBody() []byte {
	return attrs(linkHeader(3, 0, 0),
		text(unix.IFLA_IFNAME, "eth0"), attr(unix.IFLA_ADDRESS, 2, 0, 0x5e, 0x10, 0, 1),
		number(unix.IFLA_MASTER, 7), number(unix.IFLA_LINK, 4), attr(unix.IFLA_OPERSTATE, 6),
		attr(unix.IFLA_LINKINFO, attrs(text(unix.IFLA_INFO_KIND, "veth"), text(unix.IFLA_INFO_SLAVE_KIND, "bond"))...))
}

func TestParseLink(t *testing.T) {
	for _, tt := range []struct {
		name string
		body []byte
		want Link
	}{
		{"bond", bondBody(), Link{Index: 7, Name: "bond0", Kind: "bond", Up: true, MTU: 1500, MaxMTU: 65535, Data: "\x01\x02\x03\x04", AltNames: "uplink\x00"}},
		{"slave", slaveBody(), Link{Index: 3, Name: "eth0", Kind: "veth", Master: 7, Parent: 4, MAC: "\x02\x00\x5e\x10\x00\x01", OperState: 6, SlaveKind: "bond"}},
		{"a parent in another namespace", attrs(linkHeader(3, 0, 0), number(unix.IFLA_LINK, 4), number(unix.IFLA_LINK_NETNSID, 0)), Link{Index: 3}},
		{"nothing said", linkHeader(1, 0, 0), Link{Index: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseLink(tt.body)
			if err != nil || got != tt.want {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

// addrBody is an address with a peer and a lifetime, and an attribute that nobody
// knows yet, as the kernel tells of it.
func addrBody() []byte {
	info := attrs(nil, appendNumber(nil, 1800), appendNumber(nil, 3600), make([]byte, 8))
	return attrs([]byte{unix.AF_INET, 32, unix.IFA_F_PERMANENT, 0, 3, 0, 0, 0},
		attr(unix.IFA_ADDRESS, 192, 0, 2, 1), attr(unix.IFA_LOCAL, 192, 0, 2, 9), text(unix.IFA_LABEL, "eth0:1"),
		number(unix.IFA_FLAGS, unix.IFA_F_NOPREFIXROUTE|unix.IFA_F_PERMANENT), attr(unix.IFA_CACHEINFO, info...), number(77, 5))
}

// routeBody is a route over two paths, of another table.
func routeBody() []byte {
	path := func(link, flags byte) []byte {
		gateway := attr(unix.RTA_GATEWAY, 192, 0, 2, link)
		return append([]byte{byte(unix.SizeofRtNexthop + len(gateway)), 0, flags, 0, link, 0, 0, 0}, gateway...)
	}
	return attrs([]byte{unix.AF_INET, 24, 0, 0, unix.RT_TABLE_COMPAT, unix.RTPROT_STATIC, 0, unix.RTN_UNICAST, 0, 0, 0, 0},
		number(unix.RTA_TABLE, 1000), attr(unix.RTA_DST, 203, 0, 113, 0), number(unix.RTA_PRIORITY, 50),
		attr(unix.RTA_MULTIPATH, append(path(3, unix.RTNH_F_LINKDOWN), path(4, unix.RTNH_F_ONLINK)...)...),
		attr(unix.RTA_METRICS, number(unix.RTAX_MTU, 1400)...))
}

func TestParseAddr(t *testing.T) {
	a, err := parseAddr(addrBody())
	want := Addr{
		Link: 3, Prefix: netip.MustParsePrefix("192.0.2.9/32"), Peer: netip.MustParseAddr("192.0.2.1"), Label: "eth0:1",
		Flags: unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_PERMANENT, Valid: 3600, Preferred: 1800, message: string(addrBody()),
	}
	if err != nil || a != want {
		t.Fatalf("got  %+v, %v\nwant %+v", a, err, want)
	}
	again, err := parseAddr(a.On(9).After(600 * time.Second).request(a.After(600 * time.Second).lifetimes()))
	if err != nil || again.Link != 9 || again.Valid != 3000 || again.Preferred != 1200 || again.Peer != a.Peer ||
		again.Label != a.Label || again.Flags != unix.IFA_F_NOPREFIXROUTE {
		t.Errorf("added again on another link it is %+v, %v", again, err)
	}
	unknown := false
	_ = EachAttr([]byte(again.message)[unix.SizeofIfAddrmsg:], func(kind uint16, value []byte) { unknown = unknown || kind == 77 && Uint32(value) == 5 })
	if !unknown {
		t.Error("an attribute that nobody knows is lost")
	}
}

func TestParseRoute(t *testing.T) {
	r, err := parseRoute(routeBody())
	if err != nil || r.Table != 1000 || r.Metric != 50 || r.Destination.String() != "203.0.113.0/24" || r.Link != 0 {
		t.Fatalf("got %+v, %v", r, err)
	}
	if links := r.Links(); len(links) != 2 || !r.Over(3) || !r.Over(4) {
		t.Errorf("it leads over %v", links)
	}
	moved, err := parseRoute(r.On(3, 8).request())
	if err != nil || !moved.Over(8) || moved.Over(3) || !moved.Over(4) {
		t.Errorf("moved from one link to another it leads over %v, %v", moved.Links(), err)
	}
	same, err := parseRoute(r.request())
	if err != nil || !same.Like(r) {
		t.Errorf("asked for again it is another one: %+v, %v", same, err)
	}
	if moved.Like(r) {
		t.Error("a route over other links is taken for the same")
	}
	left := r.WithoutPaths(func(link int, _ netip.Addr) bool { return link == 3 })
	if left.Over(3) || !left.Over(4) {
		t.Errorf("without the path over one link it leads over %v", left.Links())
	}
	if none := r.WithoutPaths(func(int, netip.Addr) bool { return true }); none.Paths != "" {
		t.Errorf("without any path it has %q", none.Paths)
	}
}

// The kernel's route to an address's network is told from one of somebody else's, who
// says that it is the kernel's.
func TestMakes(t *testing.T) {
	four, six := NewAddr(netip.MustParsePrefix("192.0.2.10/24")), NewAddr(netip.MustParsePrefix("2001:db8::10/64"))
	silent := four
	silent.Flags = unix.IFA_F_NOPREFIXROUTE
	to := func(a Addr, source string, metric uint32) Route {
		r := NewRoute(a.Prefix.Masked(), netip.Addr{}).WithMetric(metric)
		r.Source, _ = netip.ParseAddr(source)
		return r
	}
	for _, tt := range []struct {
		a    Addr
		r    Route
		want bool
	}{
		{four, to(four, "192.0.2.10", 0), true},
		{four, to(four, "192.0.2.11", 0), false},
		{four, to(four, "192.0.2.10", 100), false},
		{silent, to(four, "192.0.2.10", 0), false},
		{six, to(six, "", 256), true},
		{six, to(six, "", 100), false},
	} {
		if got := tt.a.Makes(tt.r); got != tt.want {
			t.Errorf("%s makes %s from %s: %t", tt.a, tt.r, tt.r.Source, got)
		}
	}
}

// What a rule does is said in words, not only the tables.
func TestRuleWords(t *testing.T) {
	for want, body := range map[string][]byte{
		"rule 105: not iif eth0 goto 200": append([]byte{unix.AF_INET, 0, 0, 0, 0, 0, 0, unix.FR_ACT_GOTO, 2, 0, 0, 0},
			slices.Concat(number(unix.FRA_PRIORITY, 105), number(unix.FRA_GOTO, 200), attr(unix.FRA_IIFNAME, []byte("eth0\x00")...))...),
		"rule 106: oif eth0 unreachable": append([]byte{unix.AF_INET, 0, 0, 0, 0, 0, 0, unix.FR_ACT_UNREACHABLE, 0, 0, 0, 0},
			slices.Concat(number(unix.FRA_PRIORITY, 106), attr(unix.FRA_OIFNAME, []byte("eth0\x00")...))...),
	} {
		if r, err := parseRule(body); err != nil || r.String() != want {
			t.Errorf("got %q, %v, want %q", r, err, want)
		}
	}
}

// A link that answers in another one's name has no address of the link layer for it.
func TestParseProxy(t *testing.T) {
	body := append([]byte{unix.AF_INET, 0, 0, 0, 7, 0, 0, 0, 0, 0, unix.NTF_PROXY, 0}, attr(unix.NDA_DST, 192, 0, 2, 77)...)
	n, err := parseNeighbour(body)
	if err != nil || !n.Proxy || !n.known() || !n.Permanent() || n.Addr.String() != "192.0.2.77" || n.Link != 7 {
		t.Fatalf("got %+v, %v", n, err)
	}
	again, err := parseNeighbour(n.On(9).request())
	if err != nil || !again.Proxy || again.Link != 9 || again.Like(n) || n.String() != "proxy neighbour 192.0.2.77" {
		t.Errorf("on another link it is %+v, %v", again, err)
	}
}

func TestJSON(t *testing.T) {
	a, _ := parseAddr(addrBody())
	r, _ := parseRoute(routeBody())
	built := NewRoute(netip.MustParsePrefix("2001:db8::/32"), netip.MustParseAddr("fe80::1")).By(3)
	built.Expires, built.Metric, built.Source = 90, 1024, netip.MustParseAddr("2001:db8:1::1")
	var readA Addr
	through(t, a, &readA)
	if !readA.Like(a) || readA.Valid != a.Valid {
		t.Errorf("address: %+v, want %+v", readA, a)
	}
	var again Route
	through(t, r, &again)
	if !again.Like(r) || again.Fields() != r.Fields() {
		t.Errorf("route: %+v, want %+v", again, r)
	}
	through(t, built, &again)
	if again != built {
		t.Errorf("route: %+v, want %+v", again, built)
	}
}

func through(t *testing.T, v, into any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func TestByKernel(t *testing.T) {
	mac := []byte{2, 0, 0x5e, 0x10, 0, 1}
	link := func(text string) Addr {
		a := NewAddr(netip.MustParsePrefix(text))
		a.Scope = unix.RT_SCOPE_LINK
		return a
	}
	temporary := NewAddr(netip.MustParsePrefix("2001:db8::1/64"))
	temporary.Flags = unix.IFA_F_TEMPORARY
	for _, tt := range []struct {
		name string
		addr Addr
		want bool
	}{
		{"of the MAC address", link("fe80::5eff:fe10:1/64"), true},
		{"somebody's own", link("fe80::1/64"), false},
		{"temporary", temporary, true},
		{"IPv4, and secondary", Addr{Prefix: netip.MustParsePrefix("192.0.2.1/24"), Flags: unix.IFA_F_SECONDARY}, false},
	} {
		if got := tt.addr.ByKernel(mac); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

// ruleBody is a rule as the kernel tells of it: with all that a request may leave at
// its default.
func ruleBody(more ...[]byte) []byte {
	return attrs([]byte{unix.AF_INET, 0, 24, 0, unix.RT_TABLE_COMPAT, 0, 0, unix.FR_ACT_TO_TBL, 0, 0, 0, 0}, append([][]byte{
		number(unix.FRA_TABLE, 1000), number(unix.FRA_SUPPRESS_PREFIXLEN, allBits), attr(unix.FRA_PROTOCOL, unix.RTPROT_BOOT),
		text(unix.FRA_IIFNAME, "bond0"), number(unix.FRA_FWMARK, 1), number(unix.FRA_FWMASK, 0xff),
		number(unix.FRA_PRIORITY, 100), attr(unix.FRA_SRC, 192, 0, 2, 0)}, more...)...)
}

func TestRule(t *testing.T) {
	has, err := parseRule(ruleBody())
	if err != nil {
		t.Fatal(err)
	}
	built := NewRule(unix.AF_INET, 100, 1000)
	built.From, built.IIF, built.Mark, built.Mask = netip.MustParsePrefix("192.0.2.0/24"), "bond0", 1, 0xff
	if !built.Serves(has) || !has.Serves(built) {
		t.Errorf("%s and %s aren't taken for the same", built, has)
	}
	if _, is := built.In([]Rule{has}); is {
		t.Error("somebody else's is taken for ours")
	}
	const words = "rule 100: from 192.0.2.0/24 fwmark 0x1/0xff iif bond0 lookup 1000"
	if has.String() != words || built.String() != words {
		t.Errorf("%q and %q, want %q", has, built, words)
	}
	var again Rule
	if through(t, built, &again); again != built {
		t.Errorf("%+v, want %+v", again, built)
	}
	if through(t, has, &again); again != has {
		t.Errorf("%+v, want %+v", again, has)
	}
	for name, more := range map[string][]byte{
		"for a user alone":     attr(unix.FRA_UID_RANGE, 0, 0, 0, 0, 0, 0, 0, 0),
		"for one protocol":     attr(unix.FRA_IP_PROTO, unix.IPPROTO_TCP),
		"that suppresses some": number(unix.FRA_SUPPRESS_IFGROUP, 0),
	} {
		if other, err := parseRule(ruleBody(more)); err != nil || other.Serves(built) {
			t.Errorf("a rule %s is taken for the same: %v", name, err)
		}
	}
	inverted := ruleBody()
	hostOrder.PutUint32(inverted[8:], fibRuleInvert)
	if other, err := parseRule(inverted); err != nil || other.Serves(built) {
		t.Errorf("a rule for the opposite is taken for the same: %v", err)
	}
}

// FuzzParse has no message reach beyond itself, whatever its lengths say, and
// what could be read comes back the same.
func FuzzParse(f *testing.F) {
	for _, body := range [][]byte{bondBody(), slaveBody(), addrBody(), routeBody(), ruleBody(), {}} {
		f.Add(body)
	}
	for _, tail := range [][]byte{{3, 0, 3, 0}, {0xff, 0xff, 3, 0}, {5, 0, 3, 0, 'x'}} {
		f.Add(append(linkHeader(1, 0, 0), tail...))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		size := 0
		_ = EachAttr(body, func(kind uint16, value []byte) { size += unix.SizeofNlAttr + len(value) })
		if size > len(body) {
			t.Errorf("attributes of %d bytes in %d", size, len(body))
		}
		_, _ = parseLink(body)
		for range messages(body) {
		}
		if a, err := parseAddr(body); err == nil {
			if again, err := parseAddr(a.request(a.lifetimes())); err == nil && !again.Like(a) {
				t.Errorf("address %+v comes back as %+v", a, again)
			}
		}
		if r, err := parseRoute(body); err == nil {
			_ = r.Links()
			if again, err := parseRoute(r.whole()); err == nil && !again.Like(r) {
				t.Errorf("route %+v comes back as %+v", r, again)
			}
		}
		if r, err := parseRule(body); err == nil && !(r.Like(r) && r.Serves(r)) {
			t.Errorf("rule %+v is unlike itself", r)
		}
	})
}
