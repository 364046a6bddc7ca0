package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// trialFile is what a test looks at of trial.json.
type trialFile struct {
	Confirm      bool                       `json:"confirm"`
	Up, Guardian struct{ PID int }          `json:"-"`
	RawUp        json.RawMessage            `json:"up"`
	RawGuardian  json.RawMessage            `json:"guardian"`
	Verdict      *struct{ Kept, Done bool } `json:"verdict"`
}

// trialOf reads trial.json of bond0; there says whether there is one.
func trialOf(h *netnstest.Host) (f trialFile, there bool, err error) {
	text, err := os.ReadFile(bondFile(h, "trial.json"))
	if errors.Is(err, os.ErrNotExist) {
		return f, false, nil
	}
	if err == nil {
		err = errors.Join(json.Unmarshal(text, &f), json.Unmarshal(f.RawUp, &f.Up), json.Unmarshal(f.RawGuardian, &f.Guardian))
	}
	return f, err == nil, err
}

// onTrial is a condition for Eventually: an up waits to be confirmed.
func onTrial(h *netnstest.Host) func() error {
	return func() error {
		f, there, err := trialOf(h)
		if err == nil && (!there || !f.Confirm) {
			err = fmt.Errorf("nothing waits to be confirmed: %+v", f)
		}
		return err
	}
}

// lonely is a host whose eth0 is in use, over which the LAN's router is the gateway of IPv4 and IPv6. What
// eth1's cable leads to is the test's choice.
func lonely(t *testing.T, eth1 func(h *netnstest.Host) *netnstest.LAN) *netnstest.Host {
	t.Helper()
	h := netnstest.New(t)
	sysctl(t, h.Namespace, "net/ipv6/conf/default/accept_dad", "0")
	h.Cable("eth0")
	h.CableTo(eth1(h), "eth1")
	linkUp(t, h, "eth0", "eth1")
	shell(h, "ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0")
	for _, nic := range []string{"eth0", "eth1"} {
		netnstest.Eventually(t, h.Carrier(nic, true))
		netnstest.Eventually(t, func() error {
			if out := h.Run("ip", "-6", "address", "show", "dev", nic, "scope", "link"); !strings.Contains(out, "fe80:") {
				return fmt.Errorf("%s has no link-local address yet", nic)
			}
			return nil
		})
	}
	return h
}

func sameLAN(h *netnstest.Host) *netnstest.LAN   { return h.LAN() }
func blackHole(h *netnstest.Host) *netnstest.LAN { return h.OtherLAN() }

// drops has a LAN's switch drop some of what comes by the cable of that NIC: see tc-flower(8).
func drops(lan *netnstest.LAN, nic, what string) {
	port := "p-" + nic
	lan.Run("tc", "qdisc", "replace", "dev", port, "clsact")
	lan.Run("tc", strings.Fields("filter add dev "+port+" ingress "+what+" action drop")...)
}

// passes ends that.
func passes(lan *netnstest.LAN, nic string) { lan.Run("tc", "qdisc", "del", "dev", "p-"+nic, "clsact") }

// eth1First prefers eth1, which takes everything over.
var eth1First = []string{"--primary", "eth1", "--member", "eth1", "--member", "eth0"}

func upArgsOf(flags ...string) []string {
	return append(append([]string{"up", "--once", "--wait", "0"}, eth1First...), flags...)
}

// TestVerify: an up whose bond leads nowhere is put back, and the stream over the member goes on; one whose
// gateway answers stays.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		before []string
		env    string
		silent string
	}{
		{name: "arp", silent: "gateway 192.0.2.1 of eth0"},
		{name: "neighbour discovery", before: []string{
			"ip route del default", "ip address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0",
		}, silent: "gateway 2001:db8::1 of eth0"},
		{name: "the peer of an SSH session", before: []string{"ip route del default"}, env: "SSH_CONNECTION=192.0.2.1 50022 192.0.2.10 22",
			silent: "192.0.2.1, from where you are logged in"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := lonely(t, blackHole)
			shell(h, tt.before...)
			before := takeSnapshot(t, h)
			stream := h.Stream()
			netnstest.Eventually(t, stream.Moved)
			cmd := h.Command("bondctl", upArgsOf("--verify", "1s")...)
			cmd.Env = append(os.Environ(), tt.env)
			o := run(t, cmd)
			if o.Status != 1 || !strings.Contains(o.Stderr, tt.silent+" answered before, and not through bond0 within") {
				t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
			}
			netnstest.Eventually(t, asBefore(t, h, before))
			netnstest.Eventually(t, stream.Moved)
			if r := stream.Stop(); r.Err != nil {
				t.Error(r)
			}
		})
	}
	for _, tt := range []struct {
		name, drops, silent string
		others              []string // what isn't to be said
		flags               []string
	}{
		{"ARP is dropped", "protocol arp matchall", "gateway 192.0.2.1 of eth0 answered before", []string{"2001:db8::1", "by ping"}, nil},
		{"IPv4 is dropped", "protocol ip matchall", "gateway 192.0.2.1 of eth0 (by ping) answered before", []string{"192.0.2.1 of eth0 answered", "2001:db8::1"}, nil},
		{"IPv4 is dropped by who is active after a while", "protocol ip matchall", "gateway 192.0.2.1 of eth0 (by ping) answered before", nil, []string{"--updelay", "1s"}},
		{"IPv6 is dropped", "protocol ipv6 matchall", "gateway 2001:db8::1 of eth0 answered before", []string{"192.0.2.1", "by ping"}, nil},
		{"IPv6 is dropped but for neighbour discovery", "protocol ipv6 flower ip_proto icmpv6 type 128", "gateway 2001:db8::1 of eth0 (by ping) answered before",
			[]string{"192.0.2.1", "2001:db8::1 of eth0 answered"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := lonely(t, sameLAN)
			shell(h, "ip address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0")
			drops(h.LAN(), "eth1", tt.drops)
			before := takeSnapshot(t, h)
			stream := h.Stream()
			netnstest.Eventually(t, stream.Moved)
			o := bondctl(t, h, upArgsOf(append(tt.flags, "--verify", "2s")...)...)
			if o.Status != 1 || !strings.Contains(o.Stderr, tt.silent) {
				t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
			}
			for _, text := range tt.others {
				if strings.Contains(o.Stderr, text) {
					t.Errorf("it says %q:\n%s", text, o.Stderr)
				}
			}
			netnstest.Eventually(t, asBefore(t, h, before))
			netnstest.Eventually(t, stream.Moved)
			if r := stream.Stop(); r.Err != nil {
				t.Error(r)
			}
		})
	}
	t.Run("kept", func(t *testing.T) {
		t.Parallel()
		h := lonely(t, sameLAN)
		shell(h, "ip address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0")
		before := takeSnapshot(t, h)
		o := succeeds(t, h, upArgsOf()...)
		t.Log(o.Stdout)
		if f, there, err := trialOf(h); there || err != nil {
			t.Errorf("something is still on trial: %+v, %v", f, err)
		}
		succeeds(t, h, "down")
		netnstest.Eventually(t, asBefore(t, h, before))
	})
}

// TestVerifyOwnAddress: an up by which the address would go over which its user is logged in is put back,
// though it takes nothing over and its environment doesn't say so, as under sudo; without a session it isn't.
func TestVerifyOwnAddress(t *testing.T) {
	t.Parallel()
	h := lonely(t, sameLAN)
	succeeds(t, h, upArgsOf()...)
	before := takeSnapshot(t, h)
	other := upArgsOf("--address", "192.0.2.50/24", "--gateway", "192.0.2.1")
	cmd := h.Command("sh", "-c", `env --unset SSH_CONNECTION bondctl "$@"; exit $?`, "sh")
	cmd.Args = append(cmd.Args, other...)
	cmd.Env = append(os.Environ(), "SSH_CONNECTION=192.0.2.1 50022 192.0.2.10 22")
	o := run(t, cmd)
	if o.Status != 1 || !strings.Contains(o.Stderr, "192.0.2.10, by which you are logged in, would be gone") {
		t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	}
	netnstest.Eventually(t, asBefore(t, h, before))
	succeeds(t, h, other...)
	succeeds(t, h, "down")
}

// TestVerifyLeftOut: to leave out the member that brought the address, whose cable is out, would take that from
// the bond, and so is put back.
func TestVerifyLeftOut(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	eth0 := h.Cable("eth0")
	h.Cable("eth1")
	linkUp(t, h, "eth0", "eth1")
	shell(h, "ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0")
	succeeds(t, h, append([]string{"up", "--once"}, eth0And1...)...)
	eth0.Pull()
	netnstest.Eventually(t, active(h, "eth1"))
	before := takeSnapshot(t, h)
	o := run(t, h.Command("bondctl", "up", "--once", "--verify", "1s", "--member", "eth1"))
	if o.Status != 1 || !strings.Contains(o.Stderr, "gateway 192.0.2.1 of bond0 answered before") {
		t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
	}
	netnstest.Eventually(t, asBefore(t, h, before))
}

// TestGuardUpKilled kills an up that takes over at each of its changes: the guardian puts everything back, and
// the stream goes on.
func TestGuardUpKilled(t *testing.T) {
	t.Parallel()
	h := lonely(t, sameLAN)
	before := takeSnapshot(t, h)
	stream := h.Stream()
	up := func(at int) *netnstest.Supervisor {
		t.Helper()
		cmd := h.Command("bondctl", upArgsOf()...)
		killer := cmd.Supervise()
		killer.KillAt(at)
		if o := run(t, cmd); o.Status != 0 && !killer.Killed() {
			t.Fatalf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
		}
		return killer
	}
	changes := up(0).Made()
	succeeds(t, h, "down")
	netnstest.Eventually(t, asBefore(t, h, before))
	atChanges(t, changes, func(at int) bool {
		// Whoever comes at once waits for the guardian.
		up(at)
		succeeds(t, h, "down")
		forgetTrial(t, h)
		netnstest.Eventually(t, asBefore(t, h, before))

		killer := up(at)
		netnstest.Eventually(t, decided(h))
		if f, there, _ := trialOf(h); !there || f.Verdict != nil && f.Verdict.Kept {
			succeeds(t, h, "down") // it was killed when all was well
		} else {
			forgetTrial(t, h)
		}
		netnstest.Eventually(t, asBefore(t, h, before))
		netnstest.Eventually(t, stream.Moved)
		return killer.Killed()
	})
	if r := stream.Stop(); r.Err != nil {
		t.Error(r)
	} else {
		t.Log(r)
	}
}

// decided is a condition for Eventually: nobody is at work on a trial any more.
func decided(h *netnstest.Host) func() error {
	return func() error {
		f, there, err := trialOf(h)
		if err == nil && there && f.Guardian.PID != 0 {
			if f.Verdict == nil || !f.Verdict.Done {
				err = fmt.Errorf("still on trial: %+v", f)
			} else {
				err = ended(f.Guardian.PID)()
			}
		}
		return err
	}
}

// forgetTrial removes what tells of the last trial, which an up replaces.
func forgetTrial(t *testing.T, h *netnstest.Host) {
	t.Helper()
	for _, name := range []string{"trial.json", "before.json", ".trial.json.bondctl", ".before.json.bondctl", "room", ".room.bondctl"} {
		if err := os.Remove(bondFile(h, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// A waiting is an up that waits to be confirmed.
type waiting struct {
	*netnstest.Process
	h      *netnstest.Host
	before snapshot
	trialFile
}

// upConfirm starts an up of eth1 and eth0 that waits to be confirmed.
func upConfirm(t *testing.T, h *netnstest.Host, flags ...string) waiting {
	t.Helper()
	w := waiting{h: h, before: takeSnapshot(t, h)}
	w.Process = h.Command("bondctl", append(append([]string{"up"}, eth1First...), flags...)...).Background()
	netnstest.Eventually(t, onTrial(h))
	w.trialFile, _, _ = trialOf(h)
	return w
}

// ends waits for the up, which has to end with the status and to have said that.
func (w waiting) ends(t *testing.T, status int, says string) {
	t.Helper()
	netnstest.Eventually(t, func() error {
		select {
		case <-w.Done():
			return nil
		default:
			return errors.New("up goes on")
		}
	})
	if err := w.Wait(); (err == nil) != (status == 0) || !strings.Contains(w.Output(), says) {
		t.Errorf("up ended with %v, want status %d and %q:\n%s", err, status, says, w.Output())
	}
	netnstest.Eventually(t, ended(w.Guardian.PID))
}

// isBack checks that everything is as before, but for what became of the trial.
func (w waiting) isBack(t *testing.T) {
	t.Helper()
	f, there, err := trialOf(w.h)
	if err != nil || there && (f.Verdict == nil || f.Verdict.Kept || !f.Verdict.Done) {
		t.Errorf("it isn't put back: %+v, %v", f, err)
	}
	forgetTrial(t, w.h)
	netnstest.Eventually(t, asBefore(t, w.h, w.before))
}

// TestConfirm: what is on trial is kept if it is confirmed in time, and otherwise put back, keeper and all.
func TestConfirm(t *testing.T) {
	t.Parallel()
	t.Run("from another session", func(t *testing.T) {
		t.Parallel()
		h := lonely(t, sameLAN)
		w := upConfirm(t, h, "--confirm", "5m")
		if st := statusOf[struct {
			Trial struct {
				Until     time.Time
				Confirm   bool
				Abandoned bool
			}
		}](t, h, "bond0"); !st.Trial.Confirm || st.Trial.Abandoned || time.Until(st.Trial.Until) < time.Minute {
			t.Errorf("status has %+v", st)
		}
		if o := succeeds(t, h, "status"); !strings.Contains(o.Stdout, "bondctl confirm bond0 keeps it") {
			t.Errorf("status:\n%s", o.Stdout)
		}
		fails(t, h, 1, []string{"on trial", "bondctl confirm bond0"}, "up", "--once", "--member", "eth0")
		keeper := keeperOf(t, h)
		if o := succeeds(t, h, "confirm"); o.Stdout != "bond0: kept\n" {
			t.Errorf("%+v", o)
		}
		w.ends(t, 0, "bond0: kept\n")
		if keeperOf(t, h) != keeper {
			t.Error("the keeper is another one")
		}
		fails(t, h, 1, []string{"nothing is on trial"}, "confirm")
		succeeds(t, h, "down")
		netnstest.Eventually(t, asBefore(t, h, w.before))
	})
	t.Run("not in time", func(t *testing.T) {
		t.Parallel()
		h := lonely(t, sameLAN)
		stream := h.Stream()
		w := upConfirm(t, h, "--confirm", "2s")
		w.ends(t, 1, "nobody confirmed it in time")
		fails(t, h, 1, []string{"bond0 was put back at ", "nobody confirmed it in time"}, "confirm")
		w.isBack(t)
		netnstest.Eventually(t, stream.Moved)
		if r := stream.Stop(); r.Err != nil {
			t.Error(r)
		}
		fails(t, h, 1, []string{"nothing is on trial"}, "confirm")
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		w := upConfirm(t, lonely(t, sameLAN), "--confirm", "5m", "--once")
		if err := w.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		w.ends(t, 1, "it was interrupted")
		w.isBack(t)
	})
	t.Run("its terminal is gone", func(t *testing.T) {
		t.Parallel()
		h := lonely(t, sameLAN)
		w := upConfirm(t, h, "--confirm", "5m")
		killed(t, w.Up.PID)
		if o := succeeds(t, h, "confirm"); o.Stdout != "bond0: kept\n" {
			t.Errorf("%+v", o)
		}
		netnstest.Eventually(t, ended(w.Guardian.PID))
		netnstest.Eventually(t, usable(h, "eth0", "eth1"))
		succeeds(t, h, "down")
		netnstest.Eventually(t, asBefore(t, h, w.before))
	})
	t.Run("a bond with a keeper", func(t *testing.T) {
		t.Parallel()
		h := lonely(t, sameLAN)
		succeeds(t, h, "up", "--member", "eth0", "--miimon", "50")
		netnstest.Eventually(t, usable(h, "eth0"))
		w := upConfirm(t, h, "--confirm", "1s", "--miimon", "100", "--address", "192.0.2.10/24", "--address", "192.0.2.99/24")
		w.ends(t, 1, "nobody confirmed it in time")
		netnstest.Eventually(t, asksBack(t, h))
		keeperOf(t, h)
		succeeds(t, h, "down")
	})
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		h := lonely(t, sameLAN)
		w := upConfirm(t, h, "--confirm", "5m")
		succeeds(t, h, "down")
		w.ends(t, 1, "bond0 was taken down before anybody kept it")
		netnstest.Eventually(t, asBefore(t, h, w.before))
	})
}

// asksBack is a condition for Eventually: bond0 is what it was before an up with eth1, another miimon and
// another address.
func asksBack(t *testing.T, h *netnstest.Host) func() error {
	return says(t, h, func(st bondStatus) error {
		if st.Miimon != 50 || strings.Join(st.roles(), ",") != "eth0 active" || strings.Join(st.Addresses, ",") != "192.0.2.10/24" {
			return fmt.Errorf("it is %d %v %v", st.Miimon, st.roles(), st.Addresses)
		}
		return nil
	})
}

// TestGuardianKilled: the up that loses its guardian puts everything back at once, whatever it is doing.
func TestGuardianKilled(t *testing.T) {
	t.Parallel()
	t.Run("while it waits", func(t *testing.T) {
		t.Parallel()
		w := upConfirm(t, lonely(t, sameLAN), "--confirm", "5m")
		killed(t, w.Guardian.PID)
		w.ends(t, 1, "its guardian has ended")
		w.isBack(t)
	})
	t.Run("while it verifies", func(t *testing.T) {
		t.Parallel()
		h := lonely(t, blackHole)
		before := takeSnapshot(t, h)
		up := h.Command("bondctl", upArgsOf("--verify", "5m")...).Background()
		netnstest.Eventually(t, active(h, "eth1"))
		f, _, err := trialOf(h)
		if err != nil {
			t.Fatal(err)
		}
		killed(t, f.Guardian.PID)
		waiting{Process: up, h: h, before: before, trialFile: f}.ends(t, 1, "the guardian has ended, so nothing is changed any more and everything is put back")
		netnstest.Eventually(t, asBefore(t, h, before))
	})
	for _, verb := range []string{"down", "up"} {
		t.Run("and its up, before "+verb, func(t *testing.T) {
			t.Parallel()
			h := lonely(t, sameLAN)
			w := upConfirm(t, h, "--confirm", "5m")
			freeze(t, w.Up.PID)
			killed(t, w.Guardian.PID)
			killed(t, w.Up.PID)
			if o := succeeds(t, h, "status"); !strings.Contains(o.Stdout, "its last change was cut short") {
				t.Errorf("status:\n%s", o.Stdout)
			}
			fails(t, h, 1, []string{"the next up or down puts it back"}, "confirm")
			args := []string{"down"}
			if verb == "up" {
				args = []string{"up", "--once", "--wait", "0", "--member", "eth0"}
			}
			warns(t, succeeds(t, h, args...), "an earlier change of bond0 was cut short, and its guardian as well: it is put back first")
			if verb == "up" {
				rolesAre(t, h, "eth0 active")
				succeeds(t, h, "down")
			}
			forgetTrial(t, h)
			netnstest.Eventually(t, asBefore(t, h, w.before))
		})
	}
}

// TestGuardUpHangs: an up that does nothing any more is killed at the deadline, and everything is put back.
func TestGuardUpHangs(t *testing.T) {
	t.Parallel()
	h := lonely(t, blackHole)
	before := takeSnapshot(t, h)
	up := h.Command("bondctl", upArgsOf("--verify", "5m")...).Background()
	netnstest.Eventually(t, active(h, "eth1"))
	f, _, err := trialOf(h)
	if err != nil {
		t.Fatal(err)
	}
	freeze(t, f.Up.PID)
	// Its time is over at once.
	text := regexp.MustCompile(`"deadline": [0-9]+`).ReplaceAllString(readFile(t, bondFile(h, "trial.json")), `"deadline": 1`)
	writeFile(t, bondFile(h, "trial.json"), text)
	kill(t, f.Guardian.PID, syscall.SIGUSR1)
	netnstest.Eventually(t, ended(f.Guardian.PID))
	if err := up.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("up ended with %v", err)
	}
	waiting{h: h, before: before}.isBack(t)
}

// TestGuardedUpIsWaitedFor: an up and a down that come while another up is being verified wait for that one.
func TestGuardedUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		verb []string
		says string
	}{
		{[]string{"up", "--once", "--wait", "0", "--member", "eth1", "--member", "eth0", "--miimon", "50"}, "miimon 100 -> 50"},
		{[]string{"down"}, "delete bond0"},
	} {
		t.Run(tt.verb[0], func(t *testing.T) {
			t.Parallel()
			h := lonely(t, sameLAN)
			before := takeSnapshot(t, h)
			drops(h.LAN(), "eth1", "protocol ip matchall")
			first := h.Command("bondctl", upArgsOf("--verify", "5m")...).Background()
			netnstest.Eventually(t, active(h, "eth1"))
			second := h.Command("bondctl", tt.verb...).Background()
			netnstest.Eventually(t, watches(second))
			passes(h.LAN(), "eth1")
			if err := first.Wait(); err != nil {
				t.Errorf("%v\n%s", err, first.Output())
			}
			if err := second.Wait(); err != nil || !strings.Contains(second.Output(), tt.says) {
				t.Errorf("%v\n%s", err, second.Output())
			}
			succeeds(t, h, "down")
			netnstest.Eventually(t, asBefore(t, h, before))
		})
	}
}

// watches is a condition for Eventually: the process waits for a file to change (inotify(7)).
func watches(p *netnstest.Process) func() error {
	return func() error {
		open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID()))
		for _, file := range open {
			if to, err := os.Readlink(file); err == nil && strings.Contains(to, "inotify") {
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("it watches nothing:\n%s", p.Output()))
	}
}

// TestGuardRefused: where a change couldn't be put back, or nobody guards it, nothing is changed.
func TestGuardRefused(t *testing.T) {
	t.Parallel()
	h := lonely(t, sameLAN)
	shell(h, "mkdir -p /run/bondctl", "mount -t tmpfs -o size=256k tmpfs /run/bondctl")
	filler := func() { _ = h.Command("dd", "if=/dev/zero", "of=/run/bondctl/filler", "bs=4k").Run() }
	filler()
	fails(t, h, 1, []string{"no space left on device"}, upArgsOf()...)
	h.Run("rm", "/run/bondctl/filler")
	h.Run("mount", "-o", "remount,ro", "/run/bondctl")
	fails(t, h, 1, []string{"read-only file system"}, upArgsOf()...)
	h.Run("mount", "-o", "remount,rw", "/run/bondctl")
	before := takeSnapshot(t, h)
	succeeds(t, h, upArgsOf()...)
	succeeds(t, h, "down")
	netnstest.Eventually(t, asBefore(t, h, before))
}

// TestConfirmOnTerminal: a terminal counts down, and Enter keeps what is on trial.
func TestConfirmOnTerminal(t *testing.T) {
	t.Parallel()
	h := lonely(t, sameLAN)
	before := takeSnapshot(t, h)
	ours, theirs := terminal(t)
	cmd := h.Command("bondctl", upArgsOf("--confirm", "5m")...)
	var stdout bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, &stdout, theirs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	var seen string
	for buffer := make([]byte, 1<<12); strings.Count(seen, "press Enter to keep it") < 2; {
		n, err := ours.Read(buffer)
		if err != nil {
			t.Fatalf("%v, after %q", err, seen)
		}
		seen += string(buffer[:n])
	}
	if !strings.Contains(seen, "bond0 is put back in 5m0s; press") || !strings.Contains(seen, "\r\x1b[Kbond0 is put back in 4m59s; press") {
		t.Errorf("the terminal shows %q", seen)
	}
	if _, err := ours.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.HasSuffix(stdout.String(), "bond0: kept\n") {
		t.Errorf("%v\n%s", err, &stdout)
	}
	succeeds(t, h, "down")
	netnstest.Eventually(t, asBefore(t, h, before))
}

// terminal is a pseudoterminal (pty(7)): our end, and that of a program.
func terminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	err = unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0)
	number, numberErr := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err := errors.Join(err, numberErr); err != nil {
		t.Fatal(err)
	}
	if theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// TestSystemdGuardian: where systemd runs the guardian is a service, small, and gone when it isn't needed. What
// couldn't be kept beyond a boot isn't begun.
func TestSystemdGuardian(t *testing.T) {
	t.Parallel()
	s := newSystemd(t)
	linkUp(t, s.Host, "eth0", "eth1")
	shell(s.Host, "ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1 dev eth0")
	s.Run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/var/lib")
	fails(t, s.Host, 1, []string{"/var/lib/bondctl: read-only file system"}, upArgsOf()...)
	s.Run("umount", "/var/lib")
	before := takeSnapshot(t, s.Host)

	up := func(verdict string, args ...string) (w waiting, guardian string) {
		t.Helper()
		w = waiting{h: s.Host, before: before} // without the guardian's number, which is systemd's
		w.Process = s.Command("bondctl", append(append([]string{"up"}, eth1First...), args...)...).Background()
		netnstest.Eventually(t, onTrial(s.Host))
		f, _, err := trialOf(s.Host)
		guardian = strings.TrimSpace(s.Run("systemctl", "show", "--property=MainPID", "--value", "bondctl-guard@bond0"))
		if err != nil || guardian != strconv.Itoa(f.Guardian.PID) {
			t.Errorf("%s: the guardian is %+v, and the service's process %s; %v", verdict, f, guardian, err)
		}
		return w, guardian
	}
	w, guardian := up("kept", "--confirm", "5m")
	t.Logf("the guardian holds:\n%s", s.Run("grep", "-E", "Rss|Threads", "/proc/"+guardian+"/status"))
	succeeds(t, s.Host, "confirm")
	w.ends(t, 0, "bond0: kept")
	wantKeeper(t, s)
	succeeds(t, s.Host, "down")
	netnstest.Eventually(t, asBefore(t, s.Host, before))

	w, _ = up("put back", "--confirm", "1s")
	w.ends(t, 1, "nobody confirmed it in time")
	netnstest.Eventually(t, isOver(s))
	w.isBack(t)

	w, guardian = up("killed", "--confirm", "5m")
	s.Run("kill", "-9", guardian)
	w.ends(t, 1, "its guardian has ended")
	w.isBack(t)
	if out := s.Run("systemctl", "list-units", "--all", "--plain", "--no-legend", "bondctl*"); out != "" {
		t.Errorf("services are left:\n%s", out)
	}
}

// TestSwitchBack: a switch to where the gateway doesn't answer is taken back, and what was chosen before with it.
func TestSwitchBack(t *testing.T) {
	t.Parallel()
	h := lonely(t, blackHole)
	succeeds(t, h, "up", "--once", "--wait", "0", "--verify", "0", "--member", "eth0", "--member", "eth1")
	netnstest.Eventually(t, usable(h, "eth0", "eth1"))
	before := takeSnapshot(t, h)
	fails(t, h, 1, []string{"gateway 192.0.2.1 of bond0 answered before, and not over eth1 within 1s"}, "switch", "--verify", "1s", "eth1")
	netnstest.Eventually(t, active(h, "eth0"))
	netnstest.Eventually(t, asBefore(t, h, before))
	succeeds(t, h, "switch", "--verify", "0", "eth1")
	succeeds(t, h, "switch", "eth0") // nobody answered before
	succeeds(t, h, "down")
}

// TestReloadBack: a file under which the gateway doesn't answer any more isn't followed, and status says so. One
// under which it does is.
func TestReloadBack(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	h.CableTo(h.OtherLAN(), "eth1")
	linkUp(t, h, "eth0", "eth1")
	reload := func(members ...string) {
		t.Helper()
		text := "miimon = 50\n"
		for _, name := range members {
			text += "[[member]]\nname = \"" + name + "\"\n"
		}
		writeFile(t, in(h, "/etc/bondctl/bond0.toml"), text+"[ipv4]\naddresses = [\"192.0.2.10/24\"]\ngateway = \"192.0.2.1\"\n")
		if len(members) == 1 {
			return
		}
		kill(t, keeperOf(t, h), syscall.SIGHUP)
	}
	reload("eth0")
	h.Start("bondctl", "daemon")
	netnstest.Eventually(t, usable(h, "eth0"))
	netnstest.Eventually(t, defaultRoute(h, "192.0.2.1")) // the last that it is given
	stream := h.Stream()

	reload("eth1", "eth0")
	netnstest.Eventually(t, healthSays(t, h, "configuration: the one before stays in force: gateway 192.0.2.1 of bond0 answered before, and not through bond0 within 10s"))
	rolesAre(t, h, "eth0 active")
	netnstest.Eventually(t, stream.Moved)
	drops(h.LAN(), "eth0", "protocol ip matchall")
	drops(h.LAN(), "eth0", "protocol arp matchall")
	reload("eth1", "eth0") // nobody answered before
	rolesAre(t, h, "eth1 active", "eth0 backup")
	passes(h.LAN(), "eth0")
	reload("eth0", "eth1")
	rolesAre(t, h, "eth0 active", "eth1 backup")
	netnstest.Eventually(t, noTrouble(t, h))
	netnstest.Eventually(t, stream.Moved)
	if r := stream.Stop(); r.Err != nil {
		t.Error(r)
	}
	succeeds(t, h, "down")
}

// named is how a host's bond and its routes are, without the number that a bond made anew has another of.
func named(h *netnstest.Host) []string {
	return strings.Split(h.Run("sh", "-c", "ip -brief link; ip -brief address; ip route show table all; ip -6 route show table all; ip rule; cat /proc/net/bonding/bond0;"+
		"grep -s . /proc/sys/net/ipv4/conf/*/* /proc/sys/net/ipv6/conf/*/* || true"), "\n")
}

// TestDownBack: a down after which the gateway wouldn't answer any more is put back, keeper and all, and the
// stream goes on; likewise where down is killed.
func TestDownBack(t *testing.T) {
	t.Parallel()
	const silent = "gateway 192.0.2.1 of bond0 (by ping) answered before, and not without bond0 within 1s"
	for _, tt := range []struct {
		name string
		once []string
	}{{"with a keeper", nil}, {"without one", []string{"--once"}}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := lonely(t, sameLAN)
			shell(h, "ip address add 2001:db8::10/64 dev eth0", "ip -6 route add default via 2001:db8::1 dev eth0")
			first := takeSnapshot(t, h)
			stream := h.Stream()
			succeeds(t, h, slices.Concat([]string{"up"}, eth1First, tt.once)...)
			netnstest.Eventually(t, usable(h, "eth0", "eth1"))
			sysctl(t, h.Namespace, "net/ipv4/conf/bond0/rp_filter", "2")
			before := named(h)
			drops(h.LAN(), "eth0", "protocol ip matchall")
			o := bondctl(t, h, "down", "--verify", "1s")
			if o.Status != 1 || !strings.Contains(o.Stderr, "bond0 was put back at ") || !strings.Contains(o.Stderr, silent) {
				t.Errorf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
			}
			netnstest.Eventually(t, active(h, "eth1"))
			netnstest.Eventually(t, stream.Moved)
			if tt.once == nil {
				keeperOf(t, h)
			}
			netnstest.Eventually(t, func() error {
				if diff := cmp.Diff(before, named(h)); diff != "" {
					return fmt.Errorf("not as before (-before +after):\n%s", diff)
				}
				return nil
			})
			passes(h.LAN(), "eth0")
			succeeds(t, h, "down")
			netnstest.Eventually(t, asBefore(t, h, first))
			if r := stream.Stop(); r.Err != nil {
				t.Error(r)
			} else {
				t.Log(r)
			}
		})
	}
}

// TestGuardDownKilled kills a down at each of its changes: the guardian makes the bond anew, unless all was
// well by then, and the stream goes on.
func TestGuardDownKilled(t *testing.T) {
	t.Parallel()
	h := lonely(t, sameLAN)
	before := takeSnapshot(t, h)
	stream := h.Stream()
	down := func(at int) *netnstest.Supervisor {
		t.Helper()
		succeeds(t, h, upArgsOf()...)
		netnstest.Eventually(t, usable(h, "eth0", "eth1"))
		cmd := h.Command("bondctl", "down")
		killer := cmd.Supervise()
		killer.KillAt(at)
		if o := run(t, cmd); o.Status != 0 && !killer.Killed() {
			t.Fatalf("exit status %d\n%s%s", o.Status, o.Stdout, o.Stderr)
		}
		return killer
	}
	changes := down(0).Made()
	netnstest.Eventually(t, asBefore(t, h, before))
	atChanges(t, changes, func(at int) bool {
		killer := down(at)
		netnstest.Eventually(t, decided(h))
		if f, there, _ := trialOf(h); there && f.Verdict != nil && !f.Verdict.Kept {
			netnstest.Eventually(t, active(h, "eth1"))
			rolesAre(t, h, "eth1 active", "eth0 backup")
		}
		netnstest.Eventually(t, stream.Moved)
		succeeds(t, h, "down")
		forgetTrial(t, h)
		netnstest.Eventually(t, asBefore(t, h, before))
		return killer.Killed()
	})
	if r := stream.Stop(); r.Err != nil {
		t.Error(r)
	} else {
		t.Log(r)
	}
}
