package suite

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"golang.org/x/sys/unix"
)

// drilled is a failover of bondctl drill --json.
type drilled struct {
	Bond         string    `json:"bond"`
	By           string    `json:"by"`
	From         string    `json:"from"`
	To           string    `json:"to"`
	Time         time.Time `json:"time"`
	BackTime     time.Time `json:"back_time"`
	Lost         *int      `json:"lost"`
	OutageMS     *int      `json:"outage_ms"`
	BackBy       string    `json:"back_by"`
	BackMS       *int      `json:"back_ms"`
	BackLost     *int      `json:"back_lost"`
	BackOutageMS *int      `json:"back_outage_ms"`
	Target       string    `json:"target"`
	Frames       string    `json:"frames"`
	Rate         int       `json:"rate"`
}

// drillBond makes a bond of two that has a gateway, and waits until both members can be used.
func drillBond(t *testing.T, args ...string) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t)
	sysctl(t, h.Namespace, "net/ipv6/conf/default/accept_dad", "0")
	h.Cable("eth0")
	h.Cable("eth1")
	up := append([]string{"up", "--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24", "--gateway", "192.0.2.1"}, args...)
	succeeds(t, h, up...)
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, active(h, "eth0"))
	return h
}

// drills runs a drill, which must succeed.
func drills(t *testing.T, h *netnstest.Host, args ...string) (all []drilled) {
	t.Helper()
	o := succeeds(t, h, append([]string{"drill", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(o.Stdout), &all); err != nil {
		t.Fatalf("%v\n%s", err, o.Stdout)
	}
	return all
}

// A capture notes when echo requests arrive at the LAN's router, by the kernel's own time.
type capture struct {
	fd      int
	done    sync.WaitGroup
	mu      sync.Mutex
	arrived map[int]time.Time // by number
}

// captureEchoes begins to note the echo requests that arrive at the router.
func captureEchoes(t *testing.T, lan *netnstest.LAN) *capture {
	t.Helper()
	c := &capture{arrived: map[int]time.Time{}}
	var err error
	lan.Do(func() { c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) })
	if err != nil {
		t.Fatal(err)
	}
	link, err := lan.Netlink().LinkByName("lan")
	proto := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_IP))
	if err == nil {
		err = errors.Join(
			unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20),
			unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}),
			unix.Bind(c.fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: link.Attrs().Index}),
		)
	}
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	c.done.Go(func() {
		buffer, control := make([]byte, 2048), make([]byte, 256)
		for {
			n, cn, _, _, err := unix.Recvmsg(c.fd, buffer, control, 0)
			if err == nil {
				c.note(buffer[:n], control[:cn])
				continue
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	t.Cleanup(func() { close(stop); c.done.Wait(); unix.Close(c.fd) })
	return c
}

// note takes in an IPv4 packet.
func (c *capture) note(packet, control []byte) {
	const header, echo = 20, 8
	if len(packet) < header+8 || packet[9] != unix.IPPROTO_ICMP || packet[header] != echo {
		return
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) == 0 || len(messages[0].Data) < 16 {
		return
	}
	at := time.Unix(int64(binary.NativeEndian.Uint64(messages[0].Data)), int64(binary.NativeEndian.Uint64(messages[0].Data[8:])))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived[int(binary.BigEndian.Uint16(packet[header+6:]))] = at
}

// A silence is a time in which no frame arrived.
type silence struct {
	lost   int           // frames in all that didn't arrive
	outage time.Duration // the longest time without one, beyond the interval between two
}

// silence is what the router missed from a time on, until another.
func (c *capture) silence(from, to time.Time, interval time.Duration) (s silence) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var numbers []int
	for n, at := range c.arrived {
		if !at.Before(from) && at.Before(to) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for i := 1; i < len(numbers); i++ {
		if lost := numbers[i] - numbers[i-1] - 1; lost > 0 {
			s.lost += lost
			s.outage = max(s.outage, c.arrived[numbers[i]].Sub(c.arrived[numbers[i-1]])-interval)
		}
	}
	return s
}

// TestDrill: what a drill says of each failover is what the router sees, and afterwards everything is as it was
// before.
func TestDrill(t *testing.T) {
	t.Parallel()
	const rate = 500
	h := drillBond(t, "--once")
	before := takeSnapshot(t, h)
	// In the short form, on a machine that does much else, this is no more than a sanity check: answers that were
	// under way when a member was cut are lost, too, of which a busy machine has more.
	times, least, tenths := 1, 100, 5
	if *long {
		times, least, tenths = 10, 5, 1
	}
	off := func(a, b int) bool { return max(a-b, b-a) > max(least, b*tenths/10) }
	seen := captureEchoes(t, h.LAN())
	var inside, outside []int
	lost := 0
	for n := 0; n < times || lost == 0 && n < times+5; n++ { // where nothing is lost there is nothing to compare
		seen.mu.Lock()
		clear(seen.arrived)
		seen.mu.Unlock()
		all := drills(t, h, "--cut", "--rate", fmt.Sprint(rate))
		if len(all) != 2 {
			t.Fatalf("%d failovers, want 2: %+v", len(all), all)
		}
		wantDrilled(t, all[0], "cut", "eth0", "eth1", "policy")
		wantDrilled(t, all[1], "cut", "eth1", "eth0", "hand")
		for _, f := range all {
			missed := seen.silence(f.Time.Add(-100*time.Millisecond), f.BackTime, time.Second/rate)
			t.Logf("%s; at the router %+v", texts([]drilled{f}), missed)
			inside, outside = append(inside, *f.OutageMS), append(outside, int(missed.outage.Milliseconds()))
			lost += *f.Lost
			if off(*f.Lost, missed.lost) {
				t.Errorf("the drill says that %d frames were lost, and %d didn't arrive", *f.Lost, missed.lost)
			}
		}
	}
	t.Logf("outages in ms, by the drill %v and at the router %v", inside, outside)
	if a, b := medianOf(inside), medianOf(outside); off(a, b) {
		t.Errorf("median outage %d ms by the drill, and %d ms at the router", a, b)
	}
	if lost == 0 {
		t.Error("not one frame was lost")
	}
	if *long {
		t.Log(succeeds(t, h, "drill", "--cut").Stdout)
	}
	netnstest.Eventually(t, asBefore(t, h, before))
}

func medianOf(list []int) int {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// texts are failovers for a log.
func texts(all []drilled) (list []string) {
	for _, f := range all {
		text, _ := json.Marshal(f)
		list = append(list, string(text))
	}
	return list
}

// wantDrilled checks what isn't a measurement.
func wantDrilled(t *testing.T, f drilled, by, from, to, backBy string) {
	t.Helper()
	if f.By != by || f.From != from || f.To != to || f.BackBy != backBy || f.Bond != "bond0" {
		t.Errorf("%s from %s to %s, back by %s; want %s from %s to %s, back by %s: %+v", f.By, f.From, f.To, f.BackBy, by, from, to, backBy, f)
	}
	if f.Lost == nil || f.OutageMS == nil || f.BackLost == nil || f.BackOutageMS == nil {
		t.Fatalf("something wasn't measured: %s", texts([]drilled{f}))
	}
	if (f.BackMS != nil) != (backBy == "policy") {
		t.Errorf("back_ms is there though nobody waited, or the other way: %s", texts([]drilled{f}))
	}
}

// TestDrillSwitch: where members are only switched nothing is lost, a choice by hand stays one, and the keeper
// marks what it sees.
func TestDrillSwitch(t *testing.T) {
	t.Parallel()
	h := drillBond(t)
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, keeperSees(h, "eth0"))
	succeeds(t, h, "switch", "eth1")
	netnstest.Eventually(t, keeperSees(h, "eth1"))
	o := succeeds(t, h, "drill")
	t.Log(o.Stdout)
	for _, text := range []string{
		"bond0: 100 frames a second to gateway 192.0.2.1 (ICMP echo); another member is made active in place of each\n",
		"  FAILS  TAKES OVER  LOST   OUTAGE     WAY BACK             LOST   OUTAGE\n", "by hand", "\nswitching from eth1 to eth0 costs you ",
	} {
		if !strings.Contains(o.Stdout, text) {
			t.Errorf("it doesn't say %q:\n%s", text, o.Stdout)
		}
	}
	if st := status(t, h); st.ActiveSlave != "eth1" || st.ActiveReason != "manual" || st.Health != "ok" {
		t.Errorf("%s is active: %s; %s, %s", st.ActiveSlave, st.ActiveReason, st.Health, st.HealthReason)
	}
	all := drills(t, h, "--cut")
	wantDrilled(t, all[0], "cut", "eth1", "eth0", "hand")
	wantDrilled(t, all[1], "cut", "eth0", "eth1", "policy")
	if st := status(t, h); st.ActiveSlave != "eth1" || st.ActiveReason != "manual" || st.Health != "ok" {
		t.Errorf("after a cut %s is active: %s; %s, %s", st.ActiveSlave, st.ActiveReason, st.Health, st.HealthReason)
	}
	if *long {
		staysCut(t, h)
	}
	netnstest.Eventually(t, func() error {
		for _, e := range history(t, h) {
			if e.Event == "failover" && e.Message == "drill" {
				return nil
			}
		}
		return fmt.Errorf("no failover is marked: %+v", history(t, h))
	})
}

// staysCut checks that the keeper leaves a member down for as long as a drill wants it so, which it would set up
// after 2 s otherwise.
func staysCut(t *testing.T, h *netnstest.Host) {
	t.Helper()
	p := h.Command("bondctl", "drill", "--cut", "--rate", "1").Background()
	netnstest.Eventually(t, func() error { return isDown(h, "eth1") })
	for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err := isDown(h, "eth1"); err != nil {
			t.Fatalf("the keeper has set it up: %v", err)
		}
	}
	if err := p.Wait(); err != nil {
		t.Errorf("%v\n%s", err, p.Output())
	}
}

// TestDrillKilled: a drill that ends early puts everything back, or its guardian does.
func TestDrillKilled(t *testing.T) {
	t.Parallel()
	h := drillBond(t, "--once")
	before := takeSnapshot(t, h)
	for _, tt := range []struct {
		name string
		end  func(p *netnstest.Process)
	}{
		{"killed", func(p *netnstest.Process) { killed(t, p.PID()) }},
		{"interrupted", func(p *netnstest.Process) { kill(t, p.PID(), syscall.SIGINT) }},
		{"without its guardian", func(*netnstest.Process) {
			f, _, err := trialOf(h)
			if err != nil {
				t.Fatal(err)
			}
			killed(t, f.Guardian.PID)
		}},
		{"killed with its guardian", func(p *netnstest.Process) {
			f, _, err := trialOf(h)
			if err != nil {
				t.Fatal(err)
			}
			freeze(t, p.PID())
			killed(t, f.Guardian.PID)
			killed(t, p.PID())
			warns(t, succeeds(t, h, "up", "--once", "--wait", "0"), "an earlier change of bond0 was cut short, and its guardian as well: it is put back first")
		}},
	} {
		p := h.Command("bondctl", "drill", "--cut", "--rate", "20").Background()
		netnstest.Eventually(t, func() error {
			select {
			case <-p.Done():
				t.Fatalf("%s: it has ended: %s", tt.name, p.Output())
			default:
			}
			return isDown(h, "eth0")
		})
		if o := bondctl(t, h, "switch", "eth0"); o.Status != 1 || !strings.Contains(o.Stderr, "rehearses the failovers of bond0") {
			t.Errorf("%s: a switch meanwhile: exit status %d\n%s", tt.name, o.Status, o.Stderr)
		}
		tt.end(p)
		if err := p.Wait(); err == nil {
			t.Errorf("%s: exit status 0:\n%s", tt.name, p.Output())
		}
		if out := p.Output(); !strings.HasPrefix(tt.name, "killed") && !strings.Contains(out, "everything is as it was before") {
			t.Errorf("%s:\n%s", tt.name, out)
		}
		netnstest.Eventually(t, func() error {
			if f, there, err := trialOf(h); err != nil || there && (f.Verdict == nil || !f.Verdict.Done) {
				return fmt.Errorf("%s: it isn't put back yet: %+v, %w", tt.name, f, err)
			}
			return nil
		})
		forgetTrial(t, h)
		netnstest.Eventually(t, asBefore(t, h, before))
	}
}

// isDown says whether a link is set down.
func isDown(h *netnstest.Host, name string) error {
	link, err := h.Netlink().LinkByName(name)
	if err == nil && link.Attrs().RawFlags&unix.IFF_UP != 0 {
		err = fmt.Errorf("%s is up", name)
	}
	return err
}

// TestDrillFrames: who answers no ping is asked by ARP, and where there is IPv6 alone by neighbour solicitation.
func TestDrillFrames(t *testing.T) {
	t.Parallel()
	h := drillBond(t, "--once")
	sysctl(t, h.LAN().Namespace, "net/ipv4/icmp_echo_ignore_all", "1")
	if all := drills(t, h, "--cut"); len(all) != 2 || all[0].Frames != "arp" || all[0].Target != "192.0.2.1" {
		t.Errorf("by ARP: %s", texts(all))
	}
	if !*long {
		return
	}
	shell(h, "ip route del default dev bond0", "ip address del 192.0.2.10/24 dev bond0",
		"ip -6 address add 2001:db8::10/64 dev bond0 nodad", "ip -6 route add default via 2001:db8::1 dev bond0")
	if all := drills(t, h); len(all) != 2 || all[0].Frames != "icmp_echo" || all[0].Target != "2001:db8::1" {
		t.Errorf("by ICMPv6: %s", texts(all))
	}
	sysctl(t, h.LAN().Namespace, "net/ipv6/icmp/echo_ignore_all", "1")
	if all := drills(t, h); len(all) != 2 || all[0].Frames != "neighbour_solicitation" {
		t.Errorf("by neighbour solicitation: %s", texts(all))
	}
}

// TestDrillRefused: nothing is changed where nothing can be measured.
func TestDrillRefused(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	fails(t, h, 1, []string{"no such bond"}, "drill")
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	up(t, h, append([]string{"--address", "192.0.2.10/24"}, eth0And1...)...)
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	fails(t, h, 1, []string{"bond0 has no default route, and so no gateway to ask", "--target"}, "drill")
	fails(t, h, 1, []string{"192.0.2.99 is silent"}, "drill", "--target", "192.0.2.99")
	fails(t, h, 2, []string{"--rate"}, "drill", "--rate", "1001")
	fails(t, h, 2, []string{"--target"}, "drill", "--target", "home")
	shell(h, "ip address add 203.0.113.1/24 dev eth1")
	fails(t, h, 1, []string{"eth1 carries 203.0.113.1/24"}, "drill", "--cut", "--target", "192.0.2.1")
	shell(h, "ip address del 203.0.113.1/24 dev eth1")
	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	fails(t, h, 1, []string{"a failover of bond0 takes two members that have a link; with one: eth1; without one: eth0 (no link)"}, "drill")
	eth0.Plug()
	netnstest.Eventually(t, usable(h, "eth0"))
	w := upConfirm(t, h, "--confirm", "5m")
	fails(t, h, 1, []string{"bond0 is on trial until", "bondctl confirm bond0"}, "drill", "--target", "192.0.2.1")
	succeeds(t, h, "confirm")
	if err := w.Wait(); err != nil {
		t.Error(err)
	}
}

// failoversOf are the failovers in bond0's history, with what each cost.
func failoversOf(t *testing.T, h *netnstest.Host) (all []failover) {
	t.Helper()
	for line := range strings.Lines(succeeds(t, h, "events", "--json").Stdout) {
		var e failover
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Event == "failover" {
			all = append(all, e)
		}
	}
	return all
}

type failover struct {
	Event, From, To string
	SwitchMS        *int `json:"switch_ms"`
	OutageMS        *int `json:"outage_ms"`
}

// TestKeeperOutage: the history says what a failover cost under traffic, and nothing of one that nobody noticed.
func TestKeeperOutage(t *testing.T) {
	t.Parallel()
	// With downdelay the first sign of trouble comes long before the failover, and every outage is a long one.
	testKeeperOutage(t, 1, "--downdelay", "500ms")
	if *long { // a slow machine pings too seldom, or listens too late, for an outage of some milliseconds
		testKeeperOutage(t, 2) // a third one would be damped
	}
}

func testKeeperOutage(t *testing.T, tries int, args ...string) {
	t.Helper()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	args = append(args, eth0And1...)
	succeeds(t, h, append([]string{"up", "--address", "192.0.2.10/24"}, args...)...)
	t.Cleanup(func() { bondctl(t, h, "down") })
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	netnstest.Eventually(t, keeperSees(h, "eth0"))
	known := 0
	for range tries {
		ping := h.Ping(2 * time.Millisecond)
		for range 3 {
			netnstest.Eventually(t, ping.Answered)
		}
		before := len(failoversOf(t, h))
		eth0.Pull()
		netnstest.Eventually(t, keeperSees(h, "eth1"))
		cost := outageSince(t, h, before)
		longest := ping.Stop().Longest
		if cost != nil {
			known++
			t.Logf("%v: the keeper says %d ms, and pings were without an answer for %s", args, *cost, longest)
			if d := time.Duration(*cost)*time.Millisecond - longest; d > max(50*time.Millisecond, longest/3) {
				t.Errorf("%v: the keeper says %d ms, and pings were without an answer for %s", args, *cost, longest)
			}
		}
		eth0.Plug()
		netnstest.Eventually(t, keeperSees(h, "eth0"))
	}
	if known == 0 {
		t.Errorf("%v: no outage is known: %+v", args, failoversOf(t, h))
	}

	before := len(failoversOf(t, h))
	eth0.Pull()
	netnstest.Eventually(t, keeperSees(h, "eth1"))
	for _, f := range failoversOf(t, h)[before:] {
		if f.OutageMS != nil {
			t.Errorf("%v: nobody could notice the failover from %s to %s, and yet it cost %d ms", args, f.From, f.To, *f.OutageMS)
		}
	}
}

// outageSince is what the failover cost that came after so many; nil where that isn't known even after the time in
// which a keeper listens.
func outageSince(t *testing.T, h *netnstest.Host, before int) (cost *int) {
	t.Helper()
	for end := time.Now().Add(6 * time.Second); cost == nil && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if all := failoversOf(t, h); len(all) > before {
			cost = all[before].OutageMS
		}
	}
	return cost
}
