package suite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
)

// fastProbe watches paths three times a second: an emulated machine needs some time for an answer.
const fastProbe = "[probe]\ninterval = \"300ms\"\n"

// A watchedHost is a host with a bond of cables whose paths are watched.
type watchedHost struct {
	*netnstest.Host
	t      *testing.T
	cables map[string]*netnstest.Cable
}

// watchPaths makes such a host, with keys of the top level before the tables. The first cable is active, and each path works.
func watchPaths(t *testing.T, names []string, config string, keys ...string) *watchedHost {
	t.Helper()
	h := &watchedHost{netnstest.New(t, netnstest.Private("/etc/bondctl", "/var/lib/bondctl")), t, map[string]*netnstest.Cable{}}
	var text strings.Builder
	for _, key := range append(keys, "miimon = 100", "updelay = 0") {
		text.WriteString(key + "\n")
	}
	for _, name := range names {
		h.cables[name] = h.Cable(name)
		fmt.Fprintf(&text, "[[member]]\nname = %q\n", name)
	}
	writeFile(t, in(h.Host, "/etc/bondctl/bond0.toml"), text.String()+config)
	succeeds(t, h.Host, "up")
	t.Cleanup(func() { succeeds(t, h.Host, "down") })
	netnstest.Eventually(t, active(h.Host, names[0]))
	for _, name := range names {
		netnstest.Eventually(t, h.path(name, "ok"))
	}
	return h
}

// path is a condition for Eventually: what is known of a path.
func (h *watchedHost) path(name, want string) func() error {
	return says(h.t, h.Host, func(st bondStatus) error {
		if p := st.member(h.t, name).Path; p == nil || p.State != want {
			return fmt.Errorf("the path of %s is %+v, not %s; %s", name, p, want, st.HealthReason)
		}
		return nil
	})
}

// port is what the switch has at the far end of a cable.
func (h *watchedHost) port(name string) string {
	h.t.Helper()
	var links []struct{ Ifname, Address string }
	if err := json.Unmarshal([]byte(h.LAN().Run("ip", "-j", "link")), &links); err != nil {
		h.t.Fatal(err)
	}
	for _, l := range links {
		if strings.HasSuffix(l.Ifname, name) {
			return l.Ifname
		}
	}
	h.t.Fatalf("no port of %s among %v", name, links)
	return ""
}

// cut has the switch pass nothing on that comes by a cable, whose carrier stays; mend has it do so again.
func (h *watchedHost) cut(name string) {
	h.t.Helper()
	h.LAN().Run("bridge", "link", "set", "dev", h.port(name), "state", "0")
}

func (h *watchedHost) mend(name string) {
	h.t.Helper()
	h.LAN().Run("bridge", "link", "set", "dev", h.port(name), "state", "3")
}

// TestDeadPath has the switch port of the active member pass nothing on, though its link is up: another one is
// used until it does again. The other way round it is no reason for anything, and neither is a target that is
// down.
func TestDeadPath(t *testing.T) {
	t.Parallel()
	for _, target := range []struct {
		name, config string
		keys         []string
	}{
		{"the gateway", staticConfig + fastProbe, nil},
		{"IPv6", "[ipv4]\nmethod = \"none\"\n[ipv6]\naddresses = [\"2001:db8::10/64\"]\n" + fastProbe + "target = \"2001:db8::1\"\n", nil},
		{"each its MAC", staticConfig + fastProbe, []string{"fail_over_mac = \"active\""}},
	} {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			playDeadPath(t, watchPaths(t, []string{"eth0", "eth1"}, target.config, target.keys...))
		})
	}
}

func playDeadPath(t *testing.T, h *watchedHost) {
	for range sample(1, 3) {
		h.cut("eth0")
		netnstest.Eventually(t, active(h.Host, "eth1"))
		netnstest.Eventually(t, h.path("eth0", "dead"))
		netnstest.Eventually(t, happened(t, h.Host, "path_dead eth0 "))
		st := status(t, h.Host)
		if want := "the path of eth0 is dead: "; st.Health != "degraded" || !strings.Contains(st.HealthReason, want) || st.ActiveReason != "path" {
			t.Errorf("health %s: %s, active by %s", st.Health, st.HealthReason, st.ActiveReason)
		}
		h.mend("eth0")
		netnstest.Eventually(t, active(h.Host, "eth0"))
		netnstest.Eventually(t, happened(t, h.Host, "failover eth1 eth0"))
	}
	all := history(t, h.Host)
	order := []string{"path_dead eth0 ", "failover eth0 eth1", "path_ok  eth0", "failover eth1 eth0"}
	var seen []string
	for _, e := range all {
		if slices.Contains(order, e.what()) {
			seen = append(seen, e.what())
		}
		if e.Event == "failover" && e.From == "eth0" && !strings.Contains(e.Message, "the path of eth0 is dead") {
			t.Errorf("the failover doesn't say why: %+v", e)
		}
	}
	if len(seen) < 4 || !slices.Equal(seen[:4], order) {
		t.Errorf("events in the order %q", seen)
	}
	o := succeeds(t, h.Host, "status")
	if !strings.Contains(o.Stdout, "is asked every 300 ms: eth0 ok") {
		t.Errorf("status doesn't tell of paths:\n%s", o.Stdout)
	}

	count := countFailovers(t, h.Host)
	h.cut("eth1") // the backup's path
	netnstest.Eventually(t, h.path("eth1", "dead"))
	h.cut("eth0")
	netnstest.Eventually(t, h.path("eth0", "dead"))
	if n := count(); n > 0 {
		t.Errorf("%d failovers, though no path was better", n)
	}
	h.mend("eth1")
	netnstest.Eventually(t, active(h.Host, "eth1"))
	h.mend("eth0")
	netnstest.Eventually(t, active(h.Host, "eth0"))
}

// TestDeadPathLink pulls cables where paths are dead: whom the kernel would choose, and may for a moment, isn't used
// while another path works, and a link is better than none.
func TestDeadPathLink(t *testing.T) {
	t.Parallel()
	h := watchPaths(t, []string{"eth0", "eth1", "eth2"}, staticConfig+fastProbe)
	h.cut("eth1")
	netnstest.Eventually(t, h.path("eth1", "dead"))
	for range sample(1, 5) {
		h.cables["eth0"].Pull()
		netnstest.Eventually(t, active(h.Host, "eth2"))
		h.cables["eth0"].Plug()
		netnstest.Eventually(t, active(h.Host, "eth0"))
	}
	h.cables["eth0"].Pull()
	netnstest.Eventually(t, active(h.Host, "eth2"))
	h.cables["eth2"].Pull()
	netnstest.Eventually(t, active(h.Host, "eth1"))
	h.cables["eth2"].Plug()
	netnstest.Eventually(t, active(h.Host, "eth2"))
}

// TestPathsKeepMAC has the switch believe that the bond's MAC is where the active member is, whoever else is asked
// through.
func TestPathsKeepMAC(t *testing.T) {
	t.Parallel()
	h := watchPaths(t, []string{"eth0", "eth1", "eth2"}, staticConfig+fastProbe)
	mac := status(t, h.Host).Address
	ports := func() (of []string) {
		var known []struct{ MAC, Ifname string }
		if err := json.Unmarshal([]byte(h.LAN().Run("bridge", "-j", "fdb", "show", "dynamic")), &known); err != nil {
			t.Fatal(err)
		}
		for _, k := range known {
			if k.MAC == mac {
				of = append(of, k.Ifname)
			}
		}
		return of
	}
	for _, want := range []string{"eth0", "eth1"} {
		if want == "eth1" {
			succeeds(t, h.Host, "switch", want) // eth0 is a backup, from which the bond has its MAC
			netnstest.Eventually(t, h.path("eth0", "ok"))
		}
		port := h.port(want)
		netnstest.Eventually(t, func() error {
			if of := ports(); !slices.Equal(of, []string{port}) {
				return fmt.Errorf("the bond's MAC is at %q, not %s", of, port)
			}
			return nil
		})
		// Nothing but questions is sent, so nothing would soon move it back.
		for end := time.Now().Add(sample(3*time.Second, time.Minute)); time.Now().Before(end); {
			if of := ports(); len(of) > 0 && !slices.Equal(of, []string{port}) {
				t.Fatalf("the bond's MAC is at %q, not %s", of, port)
			}
		}
	}
}

// TestPathsLoss has both paths lose 30% of what comes in from the switch, at random: nobody ping-pongs.
func TestPathsLoss(t *testing.T) {
	t.Parallel()
	interval := sample("[probe]\ninterval = \"200ms\"\n", "[probe]\n")
	h := watchPaths(t, []string{"eth0", "eth1"}, staticConfig+interval)
	for _, name := range []string{"eth0", "eth1"} {
		h.LAN().Run("tc", "qdisc", "add", "dev", h.port(name), "root", "netem", "loss", "30%")
	}
	count := countFailovers(t, h.Host)
	time.Sleep(sample(20*time.Second, 10*time.Minute)) // nothing is to happen
	if n := count(); n > 2 {
		t.Errorf("%d failovers at 30%% loss", n)
	}
	for _, name := range []string{"eth0", "eth1"} {
		netnstest.Eventually(t, h.path(name, "ok"))
		if p := status(t, h.Host).member(t, name).Path; p.Loss == nil || *p.Loss == 0 {
			t.Errorf("nothing was lost over %s: %+v", name, p)
		}
	}
}

// TestPathsKeeperKilled kills a keeper that has left a path: the next one neither returns before that works, nor
// forgets to.
func TestPathsKeeperKilled(t *testing.T) {
	t.Parallel()
	h := watchPaths(t, []string{"eth0", "eth1"}, staticConfig+fastProbe)
	h.cut("eth0")
	netnstest.Eventually(t, active(h.Host, "eth1"))
	netnstest.Eventually(t, h.path("eth0", "dead"))
	keeper := keeperOf(t, h.Host)
	if err := syscall.Kill(keeper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, ended(keeper))
	succeeds(t, h.Host, "up")
	netnstest.Eventually(t, h.path("eth0", "dead"))
	if err := active(h.Host, "eth1")(); err != nil {
		t.Error(err)
	}
	h.mend("eth0")
	netnstest.Eventually(t, active(h.Host, "eth0"))
}

// TestPathsByHand: whom somebody has chosen by hand stays active as long as its path works.
func TestPathsByHand(t *testing.T) {
	t.Parallel()
	h := watchPaths(t, []string{"eth0", "eth1"}, staticConfig+fastProbe)
	h.cut("eth0")
	netnstest.Eventually(t, active(h.Host, "eth1"))
	succeeds(t, h.Host, "switch", "eth1")
	h.mend("eth0")
	netnstest.Eventually(t, h.path("eth0", "ok"))
	if st := status(t, h.Host); st.ActiveSlave != "eth1" || st.ActiveReason != "manual" {
		t.Errorf("%s is active by %s", st.ActiveSlave, st.ActiveReason)
	}
	h.cut("eth1")
	netnstest.Eventually(t, active(h.Host, "eth0"))
}

// TestRoutesDeadPath has the switch port of the preferred member pass nothing on, under the strategy routes: another
// member is used, for connections from the first one's address as well, until the path has worked for a while. Where
// all paths are dead the best link stays.
func TestRoutesDeadPath(t *testing.T) {
	t.Parallel()
	h, cables, file := routesHost(t, routesFile+fastProbe)
	w := &watchedHost{h, t, cables}
	succeeds(t, h, "up", "uplink", "--config", file)
	t.Cleanup(func() { succeeds(t, h, "down", "uplink") })
	netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
	stream := h.StreamFrom(h.LAN(), own["eth0"])
	path := func(want string) func() error {
		return func() error {
			st := statusOf[groupStatus](t, h, "uplink")
			if p := st.Members[0].Path; p == nil || p.State != want {
				return fmt.Errorf("the path of eth0 is %+v, not %s; %s", p, want, st.HealthReason)
			}
			return nil
		}
	}
	netnstest.Eventually(t, path("ok"))
	for range sample(1, 3) {
		w.cut("eth0")
		netnstest.Eventually(t, serves(t, h, "eth1", "degraded"))
		netnstest.Eventually(t, path("dead"))
		netnstest.Eventually(t, stream.Moved)
		if st := statusOf[groupStatus](t, h, "uplink"); st.ActiveReason != "path" || !strings.Contains(st.HealthReason, "the path of eth0 is dead: 192.0.2.1 doesn't answer") {
			t.Errorf("active by %s, %s", st.ActiveReason, st.HealthReason)
		}
		w.mend("eth0")
		netnstest.Eventually(t, serves(t, h, "eth0", "ok"))
		netnstest.Eventually(t, stream.Moved)
	}
	t.Log("\n" + succeeds(t, h, "status", "uplink").Stdout + succeeds(t, h, "events", "uplink").Stdout)
	for name := range own {
		w.cut(name)
	}
	netnstest.Eventually(t, path("dead"))
	netnstest.Eventually(t, leaves(h, "eth0"))
	for name := range own {
		w.mend(name)
	}
	netnstest.Eventually(t, stream.Moved)
}
