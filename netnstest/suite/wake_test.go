package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
	for range 2 {
		netnstest.Eventually(t, isUp(m.Host, "wlan0"))
		block(t, m, "1")
		netnstest.Eventually(t, blocked)
		if err := isUp(m.Host, "wlan0")(); err == nil {
			t.Error("wlan0 is up though it is blocked")
		}
		block(t, m, "0")
		netnstest.Eventually(t, isUp(m.Host, "wlan0"))
	}

	block(t, m, "1")
	release(t, m.Host, "wlan0")
	netnstest.Eventually(t, says(t, m.Host, func(st bondStatus) error {
		if why := st.member(t, "wlan0").PendingReason; why != "blocked by rfkill" {
			return fmt.Errorf("wlan0 is pending: %q", why)
		}
		return nil
	}))
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

// A resume shows as a jump of the wall clock against the monotonic one, which setting it makes, too. What
// is recorded as wanted is changed behind the back of a keeper that is idle, so that it sees that only when
// it looks. It may do so for another reason, and such a round shows nothing; so there are several.
func TestKeeperResume(t *testing.T) {
	h := netnstest.New(t)
	h.Cable("eth0")
	succeeds(t, h, "up", "--member", "eth0", "--miimon", "100")
	t.Cleanup(func() { succeeds(t, h, "down") })
	netnstest.Eventually(t, noted(t, h, "eth0"))
	keeper := keeperOf(t, h)
	was := "100"
	for _, miimon := range []string{"50", "60", "70"} {
		netnstest.Eventually(t, idle(keeper))
		wanted := bondFile(h, "public.json")
		text := readFile(t, wanted)
		changed := strings.Replace(text, `"miimon": `+was, `"miimon": `+miimon, 1)
		if changed == text {
			t.Fatalf("miimon %s isn't recorded as wanted in %s", was, text)
		}
		writeFile(t, wanted, changed)
		jumpClock(t, 0)
		netnstest.Eventually(t, sysfs(h, miimon, "bond0", "bonding", "miimon"))
		was = miimon
	}
}
