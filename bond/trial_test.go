package bond

import (
	"errors"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

func TestGateways(t *testing.T) {
	hop := func(link, own, addr string) NextHop {
		n := NextHop{Link: link, Addr: netip.MustParseAddr(addr)}
		n.Own, _ = netip.ParseAddr(own)
		return n
	}
	from := func(r rtnl.Route, source string) rtnl.Route { r.Source = netip.MustParseAddr(source); return r }
	table := func(r rtnl.Route, n uint32) rtnl.Route { r.Table = n; return r }
	i := Image{contents{
		Links: []linkImage{{"eth0", linkSettings{Index: 2}}, {"eth1", linkSettings{Index: 3}}},
		Addresses: []rtnl.Addr{
			addr(2, "10.0.0.1/8"), addr(2, "192.0.2.10/24"), addr(2, "192.0.2.11/24"), addr(3, "2001:db8::3/64"), addr(3, "198.51.100.3/24"),
		},
		Routes: []rtnl.Route{
			route(2, "192.0.2.0/24", ""),
			route(2, "0.0.0.0/0", "192.0.2.1"),
			table(route(2, "0.0.0.0/0", "192.0.2.1"), 1000), // the same
			from(route(2, "0.0.0.0/0", "192.0.2.2"), "192.0.2.11"),
			table(route(3, "0.0.0.0/0", "203.0.113.1"), 1001), // onlink
			route(2, "203.0.113.0/24", "192.0.2.3"),           // not the default
			route(3, "::/0", "fe80::1"),
			route(9, "0.0.0.0/0", "192.0.2.9"), // over a link that isn't spoken of
			route(2, "0.0.0.0/0", ""),          // without a gateway
		},
	}}
	want := []NextHop{
		hop("eth0", "192.0.2.10", "192.0.2.1"), hop("eth0", "192.0.2.11", "192.0.2.2"),
		hop("eth1", "198.51.100.3", "203.0.113.1"), hop("eth1", "2001:db8::3", "fe80::1"),
	}
	if diff := cmp.Diff(want, i.Gateways(), compareAddrs); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What a keeper changed while the change was on trial goes back as well.
func TestTrialImage(t *testing.T) {
	link := func(i int, name string) linkImage { return linkImage{name, linkSettings{Index: i, MTU: 1500}} }
	added := func(prefix string) addedAddress { return addedAddress{"bond0", netip.MustParsePrefix(prefix)} }
	b := beforeTrial{
		Image: Image{contents{
			Bond: &bondImage{State: &BondState{}}, Links: []linkImage{link(7, "bond0"), link(2, "eth0")}, Addresses: []rtnl.Addr{addr(2, "192.0.2.10/24")},
		}},
		Journal: &Image{contents{
			Links: []linkImage{link(4, "eth2")}, Addresses: []rtnl.Addr{addr(4, "203.0.113.4/24")}, Added: addedOf(added("192.0.2.20/24")),
		}},
	}
	journal := &Image{contents{
		Links:     []linkImage{link(4, "eth2"), link(2, "eth0"), link(3, "wlan0")},
		Addresses: []rtnl.Addr{addr(4, "203.0.113.4/24"), addr(2, "192.0.2.10/24"), addr(3, "198.51.100.3/24")},
		Added:     addedOf(added("192.0.2.20/24"), added("192.0.2.21/24")),
	}}
	got := b.image(journal)
	if !reflect.DeepEqual(got.Links, []linkImage{link(7, "bond0"), link(2, "eth0"), link(3, "wlan0")}) {
		t.Errorf("links: %+v", got.Links)
	}
	if !slices.Equal(got.Addresses, []rtnl.Addr{addr(2, "192.0.2.10/24"), addr(3, "198.51.100.3/24")}) {
		t.Errorf("addresses: %v", got.Addresses)
	}
	if diff := cmp.Diff([]addedAddress{added("192.0.2.21/24")}, got.Added.Addresses, compareAddrs); diff != "" {
		t.Errorf("added (-want +got)\n%s", diff)
	}
	if alone := b.image(nil); len(alone.Links) != 2 {
		t.Errorf("without a journal: %v", alone.Links)
	}
}

func addedOf(list ...addedAddress) added { return added{Addresses: list} }

// The first verdict holds, whoever else comes to another one.
func TestTrialVerdict(t *testing.T) {
	for _, keep := range []bool{true, false} {
		h := newStoreHost(t)
		if err := h.GuardTrial("bond0"); !errors.Is(err, ErrNoTrial) {
			t.Errorf("nothing is on trial, and yet: %v", err)
		}
		if _, err := h.DecideTrial("bond0", keep, ""); !errors.Is(err, ErrNoTrial) {
			t.Errorf("nothing is on trial, and yet: %v", err)
		}
		if err := h.BeginTrial("bond0", Image{}, time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := h.BeginTrial("bond0", Image{}, time.Minute); err == nil {
			t.Error("two trials of one bond")
		}
		if err := h.GuardTrial("bond0"); err != nil {
			t.Error(err)
		}
		if trial, err := h.Trial("bond0"); err != nil || !trial.Pending() || trial.Abandoned() || trial.Left() <= 0 || trial.Left() > time.Minute {
			t.Errorf("%+v, %v", trial, err)
		}
		for range 2 {
			trial, err := h.DecideTrial("bond0", keep, "first")
			if err != nil || trial.Verdict.Kept != keep || trial.Verdict.Why != "first" || trial.Pending() == keep {
				t.Errorf("keep %t: %+v, %v", keep, trial.Verdict, err)
			}
			if trial, err = h.DecideTrial("bond0", !keep, "second"); err != nil || trial.Verdict.Kept != keep {
				t.Errorf("keep %t, and then not: %+v, %v", keep, trial.Verdict, err)
			}
		}
		if err := h.ExtendTrial("bond0", time.Minute, true); !errors.Is(err, ErrNoTrial) {
			t.Errorf("it is decided, and yet: %v", err)
		}
		if _, err := os.Stat(h.store.of("bond0").Path() + "/before.json"); (err == nil) == keep {
			t.Errorf("keep %t: before.json: %v", keep, err)
		}
	}
}

// A trial of another boot speaks of devices that are no more.
func TestTrialOfAnotherBoot(t *testing.T) {
	h := newStoreHost(t)
	if err := h.store.of("bond0").Write(statedir.Trial, Trial{BootID: "another"}); err != nil {
		t.Fatal(err)
	}
	if trial, err := h.Trial("bond0"); trial.Pending() || err != nil {
		t.Errorf("%+v, %v", trial, err)
	}
}

func TestTrialAbandoned(t *testing.T) {
	self, err := statefile.Self()
	if err != nil {
		t.Fatal(err)
	}
	gone := statefile.Process{PID: self.PID, Start: self.Start + 1}
	for _, tt := range []struct {
		name         string
		up, guardian statefile.Process
		verdict      *Verdict
		want         bool
	}{
		{"both at work", self, self, nil, false},
		{"the guardian alone", gone, self, nil, false},
		{"the up alone", self, gone, nil, false},
		{"neither", gone, gone, nil, true},
		{"neither, and it was put back", gone, gone, &Verdict{Done: true}, false},
		{"neither, and it was being put back", gone, gone, &Verdict{}, true},
		{"neither, and it was kept", gone, gone, &Verdict{Kept: true, Done: true}, false},
	} {
		trial := Trial{BootID: statefile.BootID(), Up: tt.up, Guardian: tt.guardian, Verdict: tt.verdict}
		if got := trial.Abandoned(); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

// A lease goes back with its address to a member that had it before.
func TestGoesBack(t *testing.T) {
	h := newStoreHost(t)
	a, b, c := netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")
	if h.GoesBack("bond0", a) {
		t.Error("nothing is known of it, and yet it goes back")
	}
	if err := h.store.writeJournal("bond0", &Image{contents{Addresses: []rtnl.Addr{addr(2, "192.0.2.10/24")}}}); err != nil {
		t.Fatal(err)
	}
	if err := h.store.of("bond0").Write(statedir.Before, beforeTrial{BootID: statefile.BootID(), Image: Image{contents{Addresses: []rtnl.Addr{addr(2, "192.0.2.11/24")}}}}); err != nil {
		t.Fatal(err)
	}
	if !h.GoesBack("bond0", a) || !h.GoesBack("bond0", b) || h.GoesBack("bond0", c) {
		t.Error("the wrong ones go back")
	}
}

// newStoreHost is a host that has but a store.
func newStoreHost(t *testing.T) *Host {
	return &Host{store: store{dir: t.TempDir(), lasting: t.TempDir()}}
}
