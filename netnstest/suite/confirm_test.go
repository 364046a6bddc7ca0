package suite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"golang.org/x/sys/unix"
)

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
