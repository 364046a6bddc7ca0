package suite

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond/supplicant"
	"github.com/bondctl/bondctl/netnstest"
	"golang.org/x/sys/unix"
)

// wpa_supplicant connects as soon as there is an access point, outlives Run and
// is adopted, is started again when it is killed, and is ended by Stop.
func testSupplicantLives(t *testing.T) {
	m := netnstest.NewMachine(t)
	w := m.Radio()
	s := newSupplicant(t, w.Config())
	r := s.run()
	netnstest.Eventually(t, r.last(supplicant.Trouble, "no network of the configuration is in range"))
	w.StartAP()
	netnstest.Eventually(t, r.last(supplicant.Connected, `network "lab", access point 02:00:00:00:02:00`))
	first := r.pid()
	ownSession(t, first)

	r.stop()
	if err := ended(first)(); err == nil {
		t.Fatal("wpa_supplicant ended with Run")
	}
	// A killed keeper leaves its monitor.
	left := filepath.Join(s.Dir, "monitor.1")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r = s.run()
	netnstest.Eventually(t, r.lives("adopted"))
	if r.pid() != first {
		t.Errorf("adopted %d, not %d", r.pid(), first)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("a monitor that nobody holds is still there")
	}

	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, r.lives("adopted ended started"))
	second := r.pid()
	if err := syscall.Kill(second, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	netnstest.Eventually(t, r.lives("adopted ended started ended started"))
	if third := r.pid(); third == second {
		t.Errorf("it is still %d", second)
	}

	w.StopAP()
	netnstest.Eventually(t, r.last(supplicant.Trouble, "no network of the configuration is in range"))
	r.stop()
	s.gone()
}

// A key that is wrong is named, to the one who adopts it too. When the file
// says better it is read again, without a new process; when it is broken, the
// connection goes on.
func testSupplicantConfiguration(t *testing.T) {
	m := netnstest.NewMachine(t)
	w := m.Radio()
	w.StartAP()
	config := w.Config()
	right, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newSupplicant(t, config)
	write(strings.Replace(string(right), "psk=", "pks=", 1))
	r := s.run()
	netnstest.Eventually(t, r.last(supplicant.Trouble, "wpa_supplicant refuses "+config+": line 4: unknown network field 'pks'."))
	write(strings.Replace(string(right), "psk=0", "psk=f", 1))
	netnstest.Eventually(t, r.last(supplicant.Trouble, `wrong passphrase for network "lab"`))
	pid := r.pid()
	r.stop()

	r = s.run()
	netnstest.Eventually(t, r.last(supplicant.Trouble, `network "lab"`))
	r.stop()
	write(string(right))
	r = s.run()
	netnstest.Eventually(t, r.last(supplicant.Connected, ""))
	r.stop()

	write("nonsense")
	r = s.run()
	netnstest.Eventually(t, r.last(supplicant.Trouble, "wpa_supplicant refuses what "+config+" says now, and goes on as before"))
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r = s.run()
	netnstest.Eventually(t, r.last(supplicant.Trouble, "read the configuration: "))
	if r.pid() != pid {
		t.Errorf("it is %d, not %d", r.pid(), pid)
	}
	r.stop()

	s.Config = w.Config("# another file")
	r = s.run()
	netnstest.Eventually(t, r.lives("started"))
	second := r.pid()
	if err := ended(pid)(); err != nil {
		t.Error(err)
	}
	r.stop()

	// One that is stuck is of no use to anybody, and can be stopped all the same.
	if err := syscall.Kill(second, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.gone()
}

// supplicantsOf are the wpa_supplicants of an interface. Others may run beside the machine.
func supplicantsOf(h *netnstest.Host, iface string) (pids []int) {
	out, _ := h.Command("pgrep", "-f", "^[^ ]*wpa_supplicant .*-i "+iface+" ").Output() // the status is 1 for none
	for word := range strings.FieldsSeq(string(out)) {
		pid, _ := strconv.Atoi(word)
		pids = append(pids, pid)
	}
	return pids
}

// One that hangs is ended by down all the same, without a word about it.
func testDownWhileSupplicantHangs(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.LAN().DHCP()
	wifi := m.Radio()
	wifi.StartAP()
	config := laptopConfig(t, wifi.Config(netnstest.Control))
	succeeds(t, m.Host, "up", "--config", config)
	t.Cleanup(func() { bondctl(t, m.Host, "down") })
	netnstest.Eventually(t, wifi.Associated)
	netnstest.Eventually(t, leased(t, m.Host, "192.0.2."))
	running := supplicantsOf(m.Host, wifi.Name)
	if len(running) != 1 {
		t.Fatalf("these wpa_supplicants run: %v", running)
	}
	pid := running[0]
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	o := succeeds(t, m.Host, "down")
	t.Logf("down took %s", time.Since(begun))
	if o.Stderr != "" {
		t.Errorf("down warns: %s", o.Stderr)
	}
	if err := ended(pid)(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob("/run/bondctl/*/bond0/wpa*"); left != nil {
		t.Errorf("down leaves %s", left)
	}
	// The control socket for wpa_cli, which it couldn't remove, is in nobody's way.
	succeeds(t, m.Host, "up", "--config", config)
	netnstest.Eventually(t, wifi.Associated)
}

// A wpa_supplicant of somebody else is reported and left alone, whether it was
// told of the interface as it was started or later. When it ends, ours starts.
func testSupplicantForeign(t *testing.T) {
	m := netnstest.NewMachine(t)
	w := m.WiFi()
	s := newSupplicant(t, w.Config())
	r := s.run()
	netnstest.Eventually(t, r.last(supplicant.Trouble, "another wpa_supplicant has wlan0: process "))
	if err := w.Associated(); err != nil {
		t.Error(err)
	}
	w.StopSupplicant()
	netnstest.Eventually(t, r.last(supplicant.Connected, ""))
	r.stop()
	if err := supplicant.Stop(t.Context(), s.Dir); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	pidFile, global := filepath.Join(dir, "pid"), filepath.Join(dir, "global")
	works(t, "wpa_supplicant", "-B", "-g", global, "-P", pidFile)
	var pid int
	netnstest.Eventually(t, func() error { // it writes it when it is in the background
		text, err := os.ReadFile(pidFile)
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return err
	})
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	works(t, "wpa_cli", "-g", global, "interface_add", w.Name, w.Config(), "nl80211", "/run/wpa_supplicant")
	r = s.run()
	netnstest.Eventually(t, r.last(supplicant.Trouble, fmt.Sprintf("another wpa_supplicant has wlan0: process %d", pid)))
	if err := ended(pid)(); err == nil {
		t.Error("the other one was ended")
	}
	works(t, "wpa_cli", "-g", global, "interface_remove", w.Name) // and it goes on
	netnstest.Eventually(t, r.last(supplicant.Connected, ""))
	r.stop()
	s.gone()
}

// An interface that isn't there is reported; wpa_supplicant starts when it is.
// One that vanishes costs the connection, and nothing else.
func testSupplicantInterface(t *testing.T) {
	m := netnstest.NewMachine(t)
	w := m.Radio()
	w.StartAP()
	s := newSupplicant(t, w.Config())
	linkDown(t, m.Host, w.Name)
	m.Run("ip", "link", "set", w.Name, "name", "away")
	r := s.run()
	netnstest.Eventually(t, r.last(supplicant.Trouble, "Could not read interface wlan0 flags: No such device"))
	m.Run("ip", "link", "set", "away", "name", w.Name)
	netnstest.Eventually(t, r.last(supplicant.Connected, ""))
	pid := r.pid()
	m.Run("iw", "dev", w.Name, "del")
	netnstest.Eventually(t, r.last(supplicant.Disconnected, ""))
	m.Run("iw", "phy", "phy"+phyOf(m), "interface", "add", w.Name, "type", "managed")
	netnstest.Eventually(t, r.last(supplicant.Connected, ""))
	if r.pid() != pid {
		t.Errorf("it is %d, not %d", r.pid(), pid)
	}
	r.stop()
	s.gone()
}

// phyOf is the number of the one radio that is the machine's.
func phyOf(m *netnstest.Machine) string {
	_, rest, _ := strings.Cut(m.Run("iw", "phy"), "Wiphy phy")
	number, _, _ := strings.Cut(rest, "\n")
	return number
}

func works(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// supplicantUnderTest is on wlan0, and stopped at the end at the latest.
type supplicantUnderTest struct {
	t *testing.T
	supplicant.Supplicant
}

func newSupplicant(t *testing.T, config string) *supplicantUnderTest {
	t.Helper()
	s := &supplicantUnderTest{t: t, Supplicant: supplicant.Supplicant{
		Interface: "wlan0", Config: config, Dir: filepath.Join(t.TempDir(), "wlan0.wpa"),
	}}
	t.Cleanup(func() {
		if err := supplicant.Stop(context.Background(), s.Dir); err != nil {
			t.Error(err)
		}
	})
	return s
}

// gone stops it, and checks that nothing is left.
func (s *supplicantUnderTest) gone() {
	s.t.Helper()
	if err := supplicant.Stop(s.t.Context(), s.Dir); err != nil {
		s.t.Error(err)
	}
	if _, err := os.Stat(s.Dir); err == nil {
		s.t.Errorf("%s is still there", s.Dir)
	}
	if out, err := exec.Command("pgrep", "-a", "-x", "wpa_supplicant").Output(); err == nil && strings.Contains(string(out), s.Dir) {
		s.t.Errorf("it still runs: %s", out)
	}
}

// supplicantRun is a Run under way.
type supplicantRun struct {
	stop func()

	mu     sync.Mutex
	events []supplicant.Event
}

func (s *supplicantUnderTest) run() *supplicantRun {
	s.t.Helper()
	r := new(supplicantRun)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		s.Run(ctx, func(e supplicant.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		})
	})
	r.stop = func() { cancel(); running.Wait() }
	s.t.Cleanup(r.stop)
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("reported were %+v", r.events)
		}
	})
	return r
}

// last is a condition for Eventually: the last event is of the kind, and its
// reason has the text.
func (r *supplicantRun) last(kind supplicant.Kind, text string) func() error {
	return func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := len(r.events); n > 0 && r.events[n-1].Kind == kind && strings.Contains(r.events[n-1].Reason, text) {
			return nil
		}
		return fmt.Errorf("the last event isn't %s, %q: %+v", kind, text, r.events)
	}
}

// lives is a condition for Eventually: it is connected, and these are the events so far but for those of
// its connection. On a slow machine that may take more than one attempt.
func (r *supplicantRun) lives(want string) func() error {
	return func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		var got []string
		var last supplicant.Kind
		for _, e := range r.events {
			switch last = e.Kind; last {
			case supplicant.Connected, supplicant.Disconnected, supplicant.Trouble:
			default:
				got = append(got, string(e.Kind))
			}
		}
		if strings.Join(got, " ") != want || last != supplicant.Connected {
			return fmt.Errorf("the events aren't %s and a connection: %+v", want, r.events)
		}
		return nil
	}
}

// pid is the process of the last event.
func (r *supplicantRun) pid() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[len(r.events)-1].PID
}

// ownSession checks that a process depends on nothing of this one: it leads its
// session, stands in the root folder, and writes to nobody.
func ownSession(t *testing.T, pid int) {
	t.Helper()
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("its session is %d, %v", sid, err)
	}
	proc := fmt.Sprintf("/proc/%d", pid)
	for link, want := range map[string]string{"cwd": "/", "fd/0": "/dev/null", "fd/1": "/dev/null", "fd/2": "/dev/null"} {
		if got, _ := os.Readlink(filepath.Join(proc, link)); got != want {
			t.Errorf("%s is %s, not %s", link, got, want)
		}
	}
	if env, err := os.ReadFile(proc + "/environ"); err != nil || !strings.HasPrefix(string(env), "PATH=") || strings.Count(string(env), "=") != 1 {
		t.Errorf("its environment is %q, %v", env, err)
	}
	if own, err := os.Readlink("/proc/self/exe"); err == nil {
		if got, _ := os.Readlink(proc + "/exe"); got == own || !strings.HasSuffix(got, "/wpa_supplicant") {
			t.Errorf("it runs %s", got)
		}
	}
}
