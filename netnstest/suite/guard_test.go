package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
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

// upVerifying starts an up into a black hole, which asks in vain.
func upVerifying(t *testing.T) waiting {
	t.Helper()
	h := lonely(t, blackHole)
	before := takeSnapshot(t, h)
	up := h.Command("bondctl", upArgsOf("--verify", "5m")...).Background()
	netnstest.Eventually(t, active(h, "eth1"))
	f, _, err := trialOf(h)
	if err != nil {
		t.Fatal(err)
	}
	return waiting{Process: up, h: h, before: before, trialFile: f}
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
		w := upVerifying(t)
		killed(t, w.Guardian.PID)
		w.ends(t, 1, "the guardian has ended, so nothing is changed any more and everything is put back")
		netnstest.Eventually(t, asBefore(t, w.h, w.before))
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
	w := upVerifying(t)
	freeze(t, w.Up.PID)
	// Its time is over at once.
	text := regexp.MustCompile(`"deadline": [0-9]+`).ReplaceAllString(readFile(t, bondFile(w.h, "trial.json")), `"deadline": 1`)
	writeFile(t, bondFile(w.h, "trial.json"), text)
	kill(t, w.Guardian.PID, syscall.SIGUSR1)
	netnstest.Eventually(t, ended(w.Guardian.PID))
	if err := w.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("up ended with %v", err)
	}
	w.isBack(t)
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
