package suite

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	diff "github.com/google/go-cmp/cmp"
)

// testRoutesNetworks has a cable, a Wi-Fi and a phone on USB, each of a network of its own: they are lost one after the
// other, until none is left, and return one after the other. What is new leaves by the best one that is live, and
// nothing new fails as one returns. The long form has every order of both.
func testRoutesNetworks(t *testing.T) {
	m := netnstest.NewMachine(t)
	wifi := m.RadioTo(m.OtherLAN())
	wifi.StartAP()
	n := &networks{t: t, m: m, all: []*uplink{cableUplink(m), wifiUplink(m, wifi), phoneUplink(m)}}
	for _, u := range n.all {
		u.lan.DHCP()
		u.lan.Run("ip", "address", "add", everywhere+"/32", "dev", "lo")
		answerKnocks(t, u.lan)
	}
	file := filepath.Join(t.TempDir(), "uplink.toml")
	writeFile(t, file, fmt.Sprintf("strategy = \"routes\"\nupdelay = \"500ms\"\n[[member]]\nname = \"eth0\"\n"+
		"[[member]]\nkind = \"wifi\"\nwpa_conf = %q\n[[member]]\nbus = \"usb\"\n", wifi.Config(netnstest.Control)))
	before := trafficOf(m.Host)
	succeeds(t, m.Host, "up", "uplink", "--config", file)
	defer bondctl(t, m.Host, "down", "uplink")
	n.knocks = startKnocks(t)
	n.settled()
	t.Log("\n" + succeeds(t, m.Host, "status", "uplink").Stdout)
	ping := m.PingTo(netip.MustParseAddr(everywhere), 20*time.Millisecond)
	orders := [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}, {0, 2, 1}, {2, 0, 1}}
	for i, lost := range orders[:sample(1, len(orders))] {
		for _, back := range sample(orders[i:i+1], orders) {
			n.round(lost, back)
		}
	}
	if t.Failed() {
		t.Log("\n" + succeeds(t, m.Host, "events", "uplink").Stdout)
	}
	netnstest.Eventually(t, ping.Answered)
	for _, u := range n.all {
		t.Log(u)
	}
	n.knocks.stop()
	succeeds(t, m.Host, "down", "uplink")
	netnstest.Eventually(t, func() error {
		if d := diff.Diff(before, trafficOf(m.Host)); d != "" {
			return fmt.Errorf("down leaves something (-before +after)\n%s", d)
		}
		return nil
	})
}

// An uplink is a link to a network of its own, and what is done to it.
type uplink struct {
	name       string
	lan        *netnstest.LAN
	pull, plug func()

	gone    bool
	took    []time.Duration // from its loss until the first new connection by another one was through
	stalled int             // connections begun after its loss that came to nothing
	waited  []time.Duration // from its first sign of life until the first new connection by it was through
	usual   []time.Duration // what a connection by it takes otherwise
}

func cableUplink(m *netnstest.Machine) *uplink {
	cable := m.CableTo(m.ThirdLAN(), "eth0")
	return &uplink{name: "eth0", lan: m.ThirdLAN(), pull: cable.Pull, plug: cable.Plug}
}

func wifiUplink(m *netnstest.Machine, wifi *netnstest.WiFi) *uplink {
	return &uplink{name: wifi.Name, lan: m.OtherLAN(), pull: wifi.StopAP, plug: wifi.StartAP}
}

func phoneUplink(m *netnstest.Machine) *uplink {
	phone := m.USBDock()
	return &uplink{name: phone.Name, lan: m.LAN(), pull: phone.Remove, plug: phone.Insert}
}

func (u *uplink) String() string {
	return fmt.Sprintf("%s: lost, a new connection by the next one after %s (%d stalled); back, one by it after %s; otherwise one takes %s",
		u.name, spread(u.took), u.stalled, spread(u.waited), spread(u.usual))
}

// spread is what people want to know of several times.
func spread(times []time.Duration) string {
	if len(times) == 0 {
		return "(never)"
	}
	slices.Sort(times)
	worst := times[len(times)-1]
	return fmt.Sprintf("%v (worst %v of %d)", times[len(times)/2].Round(time.Millisecond), worst.Round(time.Millisecond), len(times))
}

// networks is a machine with several uplinks, in order of preference.
type networks struct {
	t      *testing.T
	m      *netnstest.Machine
	all    []*uplink
	knocks *knocks
}

// best is the first link that is live, or nil.
func (n *networks) best() *uplink {
	for _, u := range n.all {
		if !u.gone {
			return u
		}
	}
	return nil
}

// round has the links lost in one order, and return in another.
func (n *networks) round(lost, back []int) {
	n.t.Helper()
	for _, i := range lost {
		n.lose(n.all[i])
	}
	for _, i := range back {
		n.regain(n.all[i])
	}
}

// lose takes a link away, and notes how long it took from then until a new connection was through by the best of the
// others. Where it wasn't the best one itself, no connection fails.
func (n *networks) lose(u *uplink) {
	n.t.Helper()
	was, began := n.best(), time.Now()
	lost := n.lossOf(u)
	u.pull()
	u.gone = true
	at := <-lost
	if at.IsZero() {
		n.t.Fatalf("%s has kept its carrier", u.name)
	}
	best := n.best()
	switch {
	case best == nil:
		netnstest.Eventually(n.t, n.knocks.fails())
	case u == was:
		through := n.knocks.wait(n.t, at, best)
		u.took = append(u.took, through.Sub(at))
		n.settled()
		u.stalled += len(n.knocks.but(n.t, at, knock.answered))
	default:
		n.settled()
		if failed := n.knocks.but(n.t, began, knock.answered); len(failed) > underWay {
			n.t.Errorf("as %s was lost, while %s was active, connections failed: %s", u.name, was.name, few(failed))
		}
	}
}

// regain has a link back, and notes how long that took. If there was another one, no connection fails meanwhile.
func (n *networks) regain(u *uplink) {
	n.t.Helper()
	was, began := n.best(), time.Now()
	u.plug()
	u.gone = false
	best := n.best()
	through := n.knocks.wait(n.t, began, best)
	if best == u {
		u.waited = append(u.waited, through.Sub(began))
	}
	n.settled()
	if failed := n.knocks.but(n.t, began, knock.answered); was != nil && len(failed) > underWay {
		n.t.Errorf("as %s returned, while %s was live, connections failed: %s", u.name, was.name, few(failed))
	}
}

// settled waits until exactly the links that are there can be used and the best one is active, and has all new
// connections leave by that from then on.
func (n *networks) settled() {
	n.t.Helper()
	var want []string
	for _, u := range n.all {
		if !u.gone {
			want = append(want, u.name)
		}
	}
	netnstest.Eventually(n.t, func() error {
		var live []string
		st := statusOf[groupStatus](n.t, n.m.Host, "uplink")
		for _, m := range st.Members {
			if m.MIIStatus == "up" && len(m.Addresses) > 0 {
				live = append(live, m.Name)
			}
		}
		if !slices.Equal(live, want) || st.Active != want[0] {
			return fmt.Errorf("%v live, %s active, want %v: %s", live, st.Active, want, st.HealthReason)
		}
		return nil
	})
	best, since := n.best(), time.Now()
	if others := n.knocks.but(n.t, since, func(k knock) bool { return k.by(best) }); len(others) > underWay {
		n.t.Errorf("%s is the best link, and these connections didn't leave by it: %s", best.name, few(others))
	}
	for _, k := range n.knocks.since(since) {
		if k.by(best) {
			best.usual = append(best.usual, k.ended.Sub(k.began))
		}
	}
}

// lossOf says when a link loses its carrier, or is gone itself. The kernel's event may come late, so it is asked each
// millisecond.
func (n *networks) lossOf(u *uplink) <-chan time.Time {
	at := make(chan time.Time, 1)
	file := filepath.Join(n.m.Sys(), "class", "net", u.name, "carrier")
	go func() {
		defer close(at)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(netnstest.Patience); time.Now().Before(end); <-tick.C {
			if text, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(text)) != "1" {
				at <- time.Now()
				return
			}
		}
	}()
	return at
}
