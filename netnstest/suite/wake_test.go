package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/netnstest"
)

// Netlink says nothing of a radio that is unblocked, and the kernel doesn't set
// it up again. The keeper is told by rfkill, also where its driver, and with it
// rfkill, was loaded after the keeper's start.
func TestKeeperRFKill(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.Cable("eth0")
	if err := noRFKill(m); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "laptop.toml")
	writeFile(t, file, "[[member]]\nname = \"eth0\"\n[[member]]\nkind = \"wifi\"\n[ipv4]\nmethod = \"none\"\n")
	succeeds(t, m.Host, "up", "--config", file)
	t.Cleanup(func() { succeeds(t, m.Host, "down") })
	netnstest.Eventually(t, active(m.Host, "eth0"))
	m.Radio()
	rolesAre(t, m.Host, "eth0 active", "wlan0 backup")
	blocked := healthSays(t, m.Host, "wlan0 is blocked by rfkill")
	isUp := func() error {
		flags, err := strconv.ParseUint(attribute(m.Host, "wlan0", "flags"), 0, 32)
		if err == nil && flags&unix.IFF_UP == 0 {
			err = errors.New("wlan0 is down")
		}
		return err
	}
	for range 2 {
		netnstest.Eventually(t, isUp)
		block(t, m, "1")
		netnstest.Eventually(t, blocked)
		if err := isUp(); err == nil {
			t.Error("wlan0 is up though it is blocked")
		}
		block(t, m, "0")
		netnstest.Eventually(t, isUp)
	}

	block(t, m, "1")
	m.Run("ip", "link", "set", "wlan0", "nomaster")
	netnstest.Eventually(t, func() error {
		if why := status(t, m.Host).member(t, "wlan0").PendingReason; why != "blocked by rfkill" {
			return fmt.Errorf("wlan0 is pending: %q", why)
		}
		return nil
	})
	netnstest.Eventually(t, happened(t, m.Host, "leave wlan0 "))
	block(t, m, "0")
	rolesAre(t, m.Host, "eth0 active", "wlan0 backup")
}

// noRFKill unloads rfkill, if an earlier test left it.
func noRFKill(m *netnstest.Machine) error {
	modules, err := os.ReadFile("/proc/modules")
	if err != nil {
		return err
	}
	for _, name := range []string{"mac80211_hwsim", "mac80211", "cfg80211", "rfkill"} {
		if slices.ContainsFunc(strings.Split(string(modules), "\n"), func(l string) bool { return strings.HasPrefix(l, name+" ") }) {
			m.Run("modprobe", "--remove", name)
		}
	}
	if _, err := os.Stat("/dev/rfkill"); err == nil {
		return errors.New("/dev/rfkill is still there")
	}
	return nil
}

// A resume shows as a jump of the wall clock against the monotonic one, which
// setting it makes, too. What is recorded as wanted is changed behind the
// keeper's back, so that it sees that only when it looks: more than once, for
// the first time it may look for another reason, such as an IPv6 address that is
// ready.
func TestKeeperResume(t *testing.T) {
	m := netnstest.NewMachine(t)
	m.Cable("eth0")
	succeeds(t, m.Host, "up", "--member", "eth0", "--miimon", "100")
	t.Cleanup(func() { succeeds(t, m.Host, "down") })
	netnstest.Eventually(t, noted(t, m.Host, "eth0"))
	for _, miimon := range []string{"50", "60", "70"} {
		before := attribute(m.Host, "bond0", "bonding", "miimon")
		m.Run("sh", "-e", "-c", fmt.Sprintf(`cd /run/bondctl/*/bond0
sed 's/"miimon": %s/"miimon": %s/' public.json > /run/new
! cmp -s public.json /run/new
mv /run/new public.json`, before, miimon))
		if got := attribute(m.Host, "bond0", "bonding", "miimon"); got != before {
			t.Fatalf("miimon is %s before anybody told the keeper, want %s", got, before)
		}
		setClock(t)
		netnstest.Eventually(t, sysfs(m.Host, miimon, "bond0", "bonding", "miimon"))
	}
}

// noted is a condition for Eventually: that slave is active, and the keeper has
// noted it.
func noted(t *testing.T, h *netnstest.Host, slave string) func() error {
	return func() error {
		if st := statusOf[map[string]any](t, h, "bond0"); st["active_slave"] != slave || st["active_since"] == nil {
			return fmt.Errorf("%v is active since %v, want %s and a time", st["active_slave"], st["active_since"], slave)
		}
		return nil
	}
}

// setClock sets the wall clock to what it says, which is a jump of less than a
// millisecond.
func setClock(t *testing.T) {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		t.Fatal(err)
	}
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
		t.Fatal(err)
	}
}
