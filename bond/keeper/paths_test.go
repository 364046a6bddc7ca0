package keeper

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/resolve"
	"github.com/bondctl/bondctl/bond/upstream"
)

var pathTarget = netip.MustParseAddr("192.0.2.1")

// A played network answers over the slaves that work. It has the decider's part, too.
type played struct {
	paths   *paths
	reports chan []report

	mu     sync.Mutex   // held by whoever uses what follows
	works  map[int]bool // by ifindex
	active string
	asked  map[int][]string // in whose names
	open   int
	events []string
	known  []statedir.Path
}

type playedAsker struct {
	p      *played
	index  int
	heard  chan struct{}
	closed chan struct{}
}

func (a *playedAsker) Ask(from net.HardwareAddr) error {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.asked[a.index] = append(a.p.asked[a.index], from.String())
	if a.p.works[a.index] {
		a.heard <- struct{}{}
	}
	return nil
}

func (a *playedAsker) Listen(heard func(netip.Addr)) {
	for {
		select {
		case <-a.closed:
			return
		case <-a.heard:
			heard(pathTarget)
		}
	}
}

func (a *playedAsker) Close() {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.open--
	close(a.closed)
}

var pathMACs = []bond.HardwareAddr{{2, 0, 0x5e, 0x10, 0, 1}, {2, 0, 0x5e, 0x10, 0, 2}}

// play has a bond of eth0 and eth1 whose MAC is eth0's.
func play(t *testing.T, before ...statedir.Path) *played {
	reports := make(chan []report)
	p := &played{reports: reports, works: map[int]bool{1: true, 2: true}, active: "eth0", asked: map[int][]string{}}
	p.paths = newPaths(&Keeper{Log: slog.New(slog.DiscardHandler), Host: &bond.Host{}}, before, reports)
	p.paths.active = func() string { p.mu.Lock(); defer p.mu.Unlock(); return p.active }
	p.paths.open = func(w watchedPath, _ pathsWish) (asker, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open++
		return &playedAsker{p, w.index, make(chan struct{}, 9), make(chan struct{})}, nil
	}
	go func() { _ = p.paths.Run(t.Context()) }()
	return p
}

func (p *played) wish(change func(*bond.Status)) {
	st := bond.Status{Name: "bond0", Address: pathMACs[0], ActiveReason: new(bond.ReasonPrio), Gateways: []netip.Addr{pathTarget}}
	st.PrimaryReselect = new(bond.ReselectAlways)
	for i, name := range []string{"eth0", "eth1"} {
		role := bond.RoleBackup
		if name == p.active {
			role = bond.RoleActive
		}
		st.Members = append(st.Members, bond.MemberStatus{Name: name, Index: i + 1, Role: role, Prio: new(-i), MIIStatus: new("up"), Carrier: new(true),
			Kind: new(bond.KindWired), Address: pathMACs[0], PermHWAddr: pathMACs[i]})
	}
	if change != nil {
		change(&st)
	}
	p.paths.wish.put(pathsWishOf(st, bond.Probe{}, snapshotOf(st), false, nil))
}

// set says whether somebody answers over a slave.
func (p *played) set(index int, works bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.works[index] = works
}

// pass lets time go by, and does as the decider does.
func (p *played) pass(d time.Duration) {
	end := time.After(d)
	for {
		select {
		case <-end:
			synctest.Wait()
			return
		case all := <-p.reports:
			for _, r := range all {
				switch r := r.(type) {
				case bond.Event:
					p.events = append(p.events, string(r.Event)+" "+value(r.From)+value(r.To))
				case pathsKnown:
					p.known = r.paths
				case rerouted:
					p.events = append(p.events, r.why)
					p.mu.Lock()
					if r.from == p.active {
						p.active = r.to
					}
					p.mu.Unlock()
				}
			}
			p.wish(nil)
		}
	}
}

func TestPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t)
		p.wish(nil)
		p.pass(10 * time.Second)
		if len(p.events) > 0 || len(p.known) != 2 || p.known[0].State != upstream.OK || *p.known[1].Loss != 0 {
			t.Fatalf("%q, %+v", p.events, p.known)
		}
		// The active one asks as the bond, the backup as itself.
		for index, want := range map[int]bond.HardwareAddr{1: pathMACs[0], 2: pathMACs[1]} {
			if got := slices.Compact(slices.Clone(p.asked[index])); len(got) != 1 || got[0] != want.String() {
				t.Errorf("%d asks as %q, want %s", index, got, want)
			}
		}
		clear(p.asked)
		p.set(1, false)
		p.pass(5 * time.Second)
		p.set(1, true)
		p.pass(10 * time.Second)
		want := []string{"path_dead eth0", "the path of eth0 is dead: 192.0.2.1 doesn't answer", "path_ok eth0", "the path of eth0 works again"}
		if !slices.Equal(p.events, want) {
			t.Errorf("%q", p.events)
		}
		if names := p.asked[1]; !slices.ContainsFunc(names, func(name string) bool { return name != pathMACs[0].String() }) {
			t.Error("as a backup the first slave asks as the bond")
		}
	})
}

// What isn't to be watched costs nothing.
func TestPathsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t)
		p.wish(nil)
		p.pass(time.Second)
		p.paths.wish.put(pathsWish{})
		synctest.Wait()
		<-p.reports // that nothing is known
		synctest.Wait()
		if at, any := p.paths.due(); any || p.open != 0 {
			t.Errorf("it has a timer at %v, %d are open", at, p.open)
		}
	})
}

// While a change is on trial nobody else is made active, and afterwards the right one is.
func TestPathsOnTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t)
		p.set(1, false)
		for range 20 {
			p.wish(func(st *bond.Status) { st.Trial = &bond.TrialStatus{} })
			select {
			case all := <-p.reports:
				for _, r := range all {
					if r, is := r.(rerouted); is {
						t.Errorf("%+v", r)
					}
				}
			case <-time.After(time.Second):
			}
		}
		p.wish(nil)
		p.pass(5 * time.Second)
		if p.active != "eth1" {
			t.Errorf("%s is active", p.active)
		}
	})
}

// Another keeper returns to what the last one has left.
func TestPathsAnotherKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, statedir.Path{Slave: "eth0", State: upstream.Dead, Aside: true})
		p.active = "eth1"
		p.wish(nil)
		p.pass(10 * time.Second)
		if want := []string{"path_ok eth0", "the path of eth0 works again"}; !slices.Equal(p.events, want) {
			t.Errorf("%q", p.events)
		}
	})
}

// A slave that can't be asked through is none with a dead path.
func TestPathsCantOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t)
		p.paths.open = func(watchedPath, pathsWish) (asker, error) { return nil, errors.New("refused") }
		p.wish(nil)
		p.pass(time.Minute)
		if len(p.events) > 0 || p.known[0].State != upstream.Unknown {
			t.Errorf("%q, %+v", p.events, p.known)
		}
	})
}

// TestGroupPathsWish: a member is watched by its own gateway, or by the targets, in its own name.
func TestGroupPathsWish(t *testing.T) {
	st := bond.Status{Strategy: bond.StrategyRoutes}
	for i, name := range []string{"eth0", "eth1", "eth2"} {
		m := bond.MemberStatus{Name: name, Role: bond.RoleBackup, Carrier: new(i < 2), Index: i + 1, Gateway: new(netip.MustParseAddr("192.0.2.1"))}
		m.Addresses = []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", 90+i))}
		st.Members = append(st.Members, m)
	}
	st.Members[1].Gateway = nil
	names := func(member string) resolve.Settings {
		return resolve.Settings{Servers: []netip.Addr{netip.MustParseAddr("192.0.2.53")}, Domains: []string{member}}
	}
	w := groupPathsWishOf(st, bond.Probe{}, names)
	if len(w.watched) != 1 || w.watched[0].name != "eth0" || w.watched[0].gateway != *st.Members[0].Gateway || w.watched[0].beyond {
		t.Errorf("by gateways: %+v", w.watched)
	}
	w = groupPathsWishOf(st, bond.Probe{URLs: []string{"http://a/"}}, names)
	want := watchedPath{name: "eth1", index: 2, beyond: true, addresses: "192.0.2.91", servers: "192.0.2.53"}
	if len(w.watched) != 2 || w.watched[1] != want || !w.settings.Once {
		t.Errorf("by a URL: %+v", w)
	}
}

// In whose name a slave may be asked through.
func TestWatchedPathOf(t *testing.T) {
	wifi, own := new(bond.KindWiFi), pathMACs[1]
	for _, tt := range []struct {
		name string
		fom  bond.FailOverMAC
		m    bond.MemberStatus
		want watchedPath
	}{
		{"its own", bond.FailOverMACActive, bond.MemberStatus{Address: own, PermHWAddr: own}, watchedPath{own: string(own)}},
		{"a station's", bond.FailOverMACActive, bond.MemberStatus{Kind: wifi, Address: own, PermHWAddr: pathMACs[0]}, watchedPath{own: string(own)}},
		{"the bond's would move", bond.FailOverMACNone, bond.MemberStatus{Address: pathMACs[0], PermHWAddr: own}, watchedPath{own: string(own), asBond: true}},
		{"a station that has the bond's", bond.FailOverMACNone, bond.MemberStatus{Kind: wifi, Address: pathMACs[0], PermHWAddr: own}, watchedPath{own: string(pathMACs[0]), activeOnly: true}},
	} {
		st := bond.Status{Address: pathMACs[0]}
		st.FailOverMAC = &tt.fom
		if got := watchedPathOf(st, tt.m); got != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	st := bond.Status{Address: pathMACs[0], Options: bond.Options{FailOverMAC: new(bond.FailOverMACNone)}}
	if got := watchedPathOf(st, bond.MemberStatus{Address: pathMACs[0], PermHWAddr: pathMACs[0], Index: 7}); got.own == string(pathMACs[0]) {
		t.Error("the first member, whose MAC the bond has, asks in the bond's name as a backup")
	}
}
