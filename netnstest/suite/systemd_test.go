package suite

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"
)

// installed is where bondctl is for systemd: a place that is there at boot.
const installed = "/usr/local/bin/bondctl"

const unit = "bondctl@bond0.service"

// newSystemd boots a machine with two NICs on which bondctl is installed.
func newSystemd(t *testing.T) *netnstest.Systemd {
	t.Helper()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl", "/usr/local/bin"))
	h.Cable("eth0")
	h.Cable("eth1")
	h.Run("install", "-m", "755", netnstest.Program("bondctl"), installed)
	s := h.Systemd()
	busAnswers(t, s)
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := s.Command("journalctl", "--no-pager", "--output=short-monotonic", "--unit=bondctl@*").CombinedOutput()
			t.Logf("journal:\n%s", out)
		}
	})
	return s
}

// laptop is a wish of flags alone.
var laptop = []string{"up", "--member", "eth0", "--member", "eth1", "--miimon", "50", "--address", "192.0.2.10/24"}

// unitProperty is a property of bond0's unit as systemd's bus has it; the interface is Unit or Service.
func unitProperty(s *netnstest.Systemd, iface, name string) (any, error) {
	conn, err := dbus.Connect("unix:path=" + in(s.Host, "/run/dbus/system_bus_socket"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	const systemd = "org.freedesktop.systemd1"
	var path dbus.ObjectPath
	manager := conn.Object(systemd, "/org/freedesktop/systemd1")
	if err := manager.Call(systemd+".Manager.LoadUnit", 0, unit).Store(&path); err != nil {
		return nil, err
	}
	value, err := conn.Object(systemd, path).GetProperty(systemd + "." + iface + "." + name)
	return value.Value(), err
}

// busAnswers waits until the bus does, which systemd starts for the first who asks. bondctl waits for it, too,
// but not as long as a slow machine may take.
func busAnswers(t *testing.T, s *netnstest.Systemd) {
	t.Helper()
	netnstest.Eventually(t, func() error {
		_, err := unitProperty(s, "Unit", "LoadState")
		return err
	})
}

// unitHas is a condition for Eventually: the property of bond0's unit is that.
func unitHas(s *netnstest.Systemd, iface, name string, want any) func() error {
	return func() error {
		got, err := unitProperty(s, iface, name)
		if err == nil && got != want {
			err = fmt.Errorf("%s of %s is %v, want %v", name, unit, got, want)
		}
		return err
	}
}

// runs and isOver are conditions for Eventually.
func runs(s *netnstest.Systemd) func() error   { return unitHas(s, "Unit", "SubState", "running") }
func isOver(s *netnstest.Systemd) func() error { return unitHas(s, "Unit", "SubState", "dead") }

// wantKeeper checks that the unit is active and its process is the bond's keeper, and returns that.
func wantKeeper(t *testing.T, s *netnstest.Systemd) int {
	t.Helper()
	netnstest.Eventually(t, runs(s))
	pid := keeperOf(t, s.Host)
	if err := unitHas(s, "Service", "MainPID", uint32(pid))(); err != nil {
		t.Fatalf("the keeper is %d, and %v", pid, err)
	}
	return pid
}

// untouched checks that nobody asked for a change and the links are as they were.
func untouched(t *testing.T, s *netnstest.Systemd, tap *netnstest.Tap, before []linkState) {
	t.Helper()
	if changes := tap.Changes(); len(changes) > 0 {
		t.Errorf("somebody asked for changes: %v", changes)
	}
	sameLinks(t, s.Host, before)
}

// TestSystemdLifecycle: the service is installed; stop, start, crash and reload leave the bond alone, and down ends it all.
func TestSystemdLifecycle(t *testing.T) {
	t.Parallel()
	s := newSystemd(t)
	found := takeSnapshot(t, s.Host)
	installs(t, s)
	// What the flags say over the file must outlast a keeper.
	writeFile(t, in(s.Host, "/etc/bondctl/bond0.toml"), "[[member]]\nname = \"eth0\"\n[[member]]\nname = \"eth1\"\n")
	succeeds(t, s.Host, laptop...)
	first := wantKeeper(t, s)
	netnstest.Eventually(t, active(s.Host, "eth0"))
	if exe := strings.TrimSpace(s.Run("readlink", fmt.Sprintf("/proc/%d/exe", first))); exe != installed {
		t.Errorf("the keeper is %s, want %s", exe, installed)
	}
	// By hand, so that a keeper that takes over must choose to leave it.
	succeeds(t, s.Host, "switch", "eth1")
	tap := s.Tap()
	before := links(t, s.Host)

	s.Run("systemctl", "stop", unit)
	netnstest.Eventually(t, gone(s, first))
	untouched(t, s, tap, before)

	s.Run("systemctl", "start", unit)
	second := wantKeeper(t, s)
	untouched(t, s, tap, before)

	s.Run("sh", "-c", fmt.Sprintf("kill -9 %d", second))
	netnstest.Eventually(t, unitHas(s, "Service", "NRestarts", uint32(1)))
	third := wantKeeper(t, s)
	if third == second {
		t.Errorf("the keeper is still %d", second)
	}
	untouched(t, s, tap, before)

	if o := bondctl(t, s.Host, laptop...); !o.changedNothing() {
		t.Errorf("a second up says %q, want nothing to change", o.Stdout)
	}
	untouched(t, s, tap, before)

	s.Run("systemctl", "reload", unit)
	netnstest.Eventually(t, sysfs(s.Host, "100", "bond0", "bonding/miimon")) // of the file alone
	if now := wantKeeper(t, s); now != third {
		t.Errorf("there is another keeper: %d after %d", now, third)
	}

	succeeds(t, s.Host, "down")
	netnstest.Eventually(t, isOver(s))
	netnstest.Eventually(t, gone(s, third))
	deleteLink(t, s.Host, "nlmon0")
	if err := os.Remove(bondFile(s.Host, "keeper.lock")); err != nil { // whoever waits for it would lock another one, so it stays
		t.Error(err)
	}
	netnstest.Eventually(t, asBefore(t, s.Host, found))
}

// gone is a condition for Eventually: the machine has no such process.
func gone(s *netnstest.Systemd, pid int) func() error {
	return func() error {
		if _, err := os.Stat(in(s.Host, fmt.Sprintf("/proc/%d", pid))); err == nil {
			return fmt.Errorf("process %d goes on", pid)
		}
		return nil
	}
}

// TestSystemdTransient is without a unit template: the service is one till the next boot.
func TestSystemdTransient(t *testing.T) {
	t.Parallel()
	s := newSystemd(t)
	succeeds(t, s.Host, laptop...)
	first := wantKeeper(t, s)
	if err := unitHas(s, "Unit", "FragmentPath", "/run/systemd/transient/"+unit)(); err != nil {
		t.Error(err)
	}
	if before, err := unitProperty(s, "Unit", "Before"); err != nil || !slices.Contains(before.([]string), "network.target") {
		t.Errorf("the unit is before %v, %v, want network.target among them", before, err)
	}
	netnstest.Eventually(t, active(s.Host, "eth0"))
	tap := s.Tap()
	before := links(t, s.Host)
	s.Run("sh", "-c", fmt.Sprintf("kill -9 %d", first))
	netnstest.Eventually(t, gone(s, first))
	second := wantKeeper(t, s)
	s.Run("systemctl", "reload", unit)
	untouched(t, s, tap, before)

	succeeds(t, s.Host, append(laptop, "--once")...)
	netnstest.Eventually(t, gone(s, second))
	netnstest.Eventually(t, isOver(s))
	untouched(t, s, tap, before)
	succeeds(t, s.Host, laptop...)
	wantKeeper(t, s)
	succeeds(t, s.Host, "down")
	netnstest.Eventually(t, isOver(s))
	if err := unitHas(s, "Unit", "LoadState", "not-found")(); err != nil {
		t.Errorf("after down, %v", err)
	}
}

// TestSystemdReboot saves a bond, and it is there after the next boot.
func TestSystemdReboot(t *testing.T) {
	t.Parallel()
	s := newSystemd(t)
	o := run(t, s.Command(installed, append(laptop, "--save")...))
	for _, want := range []string{"write /etc/bondctl/bond0.toml\n", "write /etc/systemd/system/bondctl@.service\n", "enable " + unit + "\n"} {
		if !strings.Contains(o.Stdout, want) {
			t.Errorf("up --save doesn't say %q: %+v", want, o)
		}
	}
	wantKeeper(t, s)
	before := statusOf[map[string]any](t, s.Host, "bond0")
	s.Reboot()
	busAnswers(t, s)
	wantKeeper(t, s)
	netnstest.Eventually(t, active(s.Host, "eth0"))
	netnstest.Eventually(t, usable(s.Host, "eth0", "eth1"))
	after := statusOf[map[string]any](t, s.Host, "bond0")
	for _, key := range []string{"miimon", "addresses", "primary", "address", "health"} {
		if diff := cmp.Diff(before[key], after[key]); diff != "" {
			t.Errorf("%s (-before +after):\n%s", key, diff)
		}
	}
	// What is edited holds with the next start: the wish is the file's alone now.
	s.Run("sed", "-i", "s/50ms/60ms/", "/etc/bondctl/bond0.toml")
	s.Run("systemctl", "restart", unit)
	if got := status(t, s.Host).Miimon; got != 60 {
		t.Errorf("miimon is %d, want 60 of the file", got)
	}
	// The journal has the time; the keeper doesn't repeat it.
	journal := s.Run("journalctl", "--no-pager", "--output=cat", "--unit="+unit)
	if !strings.Contains(journal, "level=INFO") || strings.Contains(journal, "time=") {
		t.Errorf("journal:\n%s", journal)
	}
	succeeds(t, s.Host, "down")
	saves(t, s)
}

// saves checks that what was in the file is kept, and a file that says the same is left alone.
func saves(t *testing.T, s *netnstest.Systemd) {
	t.Helper()
	save := func(args ...string) outcome {
		t.Helper()
		o := run(t, s.Command(installed, append([]string{"up", "--save", "--wait", "0"}, args...)...))
		if o.Status != 0 {
			t.Fatalf("up --save: %+v", o)
		}
		return o
	}
	const file = "/etc/bondctl/bond0.toml"
	read := func(path string) string {
		t.Helper()
		return readFile(t, in(s.Host, path))
	}
	mine := "# mine\n[[member]]\nname = \"eth0\"\n"
	writeFile(t, in(s.Host, file), mine)

	o := save("--dry-run", "--mtu", "1400")
	if !strings.Contains(o.Stdout, "write "+file+":\n  mtu = 1400\n") || read(file) != mine {
		t.Errorf("a dry run says %q and leaves %q", o.Stdout, read(file))
	}
	save()
	if read(file) != mine {
		t.Errorf("a file that says the same was replaced: %q", read(file))
	}
	o = save("--mtu", "1400")
	if diff := cmp.Diff("# Written by bondctl up --save.\nmtu = 1400\n\n[[member]]\nname = \"eth0\"\n", read(file)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	if !strings.Contains(o.Stdout, "keep what was in "+file+" as "+file+".old\n") || read(file+".old") != mine {
		t.Errorf("the old file: %q; said %q", read(file+".old"), o.Stdout)
	}
	if info, err := os.Stat(in(s.Host, file)); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	// An up that fails saves nothing. A bond of that name is in the way here.
	s.Run("ip", "link", "add", "bond1", "type", "dummy")
	fails(t, s.Host, 1, nil, "up", "bond1", "--save", "--member", "eth1")
	if out := s.Run("ls", "-A", "/etc/bondctl"); out != "bond0.toml\nbond0.toml.old\n" {
		t.Errorf("/etc/bondctl has %q", out)
	}
	succeeds(t, s.Host, "down")
}

// TestSaveWithoutSystemd writes the file, and says what it can't do.
func TestSaveWithoutSystemd(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t, netnstest.Private("/etc/bondctl"))
	h.Cable("eth0")
	o := up(t, h, "--save", "--member", "eth0", "--mtu", "1400")
	if !strings.Contains(o.Stderr, "nothing starts bond0 at boot: systemd isn't the init of this system") {
		t.Errorf("stderr:\n%s", o.Stderr)
	}
	succeeds(t, h, "down")
	up(t, h) // by the file
	if got := status(t, h).MTU; got != 1400 {
		t.Errorf("mtu is %d, want 1400 of the file", got)
	}
	fails(t, h, 1, []string{"systemd isn't the init of this system", "--print"}, "install-service")
}

// installs checks install-service, and leaves the template installed.
func installs(t *testing.T, s *netnstest.Systemd) {
	t.Helper()
	const file = "/etc/systemd/system/bondctl@.service"
	install := func(args ...string) outcome {
		t.Helper()
		return run(t, s.Command(installed, append([]string{"install-service"}, args...)...))
	}
	printed := install("--print").Stdout
	if !regexp.MustCompile(`(?m)^ExecStart=` + installed + ` daemon %i$`).MatchString(printed) {
		t.Errorf("--print says\n%s", printed)
	}
	if o := install(); o.Status != 0 || readFile(t, in(s.Host, file)) != printed {
		t.Errorf("%+v, and the file is\n%s", o, readFile(t, in(s.Host, file)))
	}
	if o := install(); o != (outcome{Stdout: file + ": nothing to change\n"}) {
		t.Errorf("the second time: %+v", o)
	}
	s.Run("sed", "-i", "s/RestartSec=1s/RestartSec=9s/", file)
	if o := install(); o.Status != 1 || !strings.Contains(o.Stderr, "somebody has changed it") || !strings.Contains(o.Stderr, "--force") {
		t.Errorf("with a changed file: %+v", o)
	}
	if o := install("--force"); o.Status != 0 || readFile(t, in(s.Host, file)) != printed {
		t.Errorf("--force: %+v, and the file is\n%s", o, readFile(t, in(s.Host, file)))
	}
	// The lab's own copy is in /tmp.
	fails(t, s.Host, 1, []string{"what is in /tmp is gone by then", "install -m 755"}, "install-service", "--force")
	if err := errors.Join(os.Remove(in(s.Host, file)), os.Chown(in(s.Host, installed), 65534, -1)); err != nil {
		t.Fatal(err)
	}
	if o := install(); o.Status != 1 || !strings.Contains(o.Stderr, "others than root can write to "+installed) {
		t.Errorf("with a program of somebody else's: %+v", o)
	}
	if err := os.Chown(in(s.Host, installed), 0, -1); err != nil {
		t.Fatal(err)
	}
	if o := install(); o != (outcome{Stdout: "write " + file + "\n"}) {
		t.Errorf("install-service: %+v", o)
	}
	if out := s.Run("systemd-analyze", "verify", "--man=no", file); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
}
