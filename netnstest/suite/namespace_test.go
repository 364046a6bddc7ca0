package suite

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// addBlue adds a named network namespace with two members, and returns ip inside of it.
func addBlue(t *testing.T, h *netnstest.Host) (ip func(args ...string) string) {
	t.Helper()
	h.Run("ip", "netns", "add", "blue")
	t.Cleanup(func() { h.Run("ip", "netns", "delete", "blue") })
	ip = func(args ...string) string {
		t.Helper()
		return h.Run("ip", append([]string{"-n", "blue", "-brief"}, args...)...)
	}
	for _, name := range []string{"eth0", "eth1"} {
		addVeth(ip, name)
	}
	return ip
}

func addVeth(ip func(args ...string) string, name string) {
	ip("link", "add", name, "type", "veth", "peer", "name", "p-"+name)
	ip("link", "set", "p-"+name, "up")
}

// outsideStatus is bond0's status in blue, asked for from outside.
func outsideStatus(t *testing.T, h *netnstest.Host) (st bondStatus) {
	t.Helper()
	decode(t, succeeds(t, h, "--netns=blue", "status", "--json"), &st)
	return st
}

func decode(t *testing.T, o outcome, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(o.Stdout), into); err != nil {
		t.Fatalf("%v\n%s%s", err, o.Stdout, o.Stderr)
	}
}

// TestNetns makes a bond in a named network namespace from outside of it.
func TestNetns(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	inside := addBlue(t, h)
	before, outside := inside("link", "show", "eth0")+inside("link", "show", "eth1"), links(t, h)

	// The flag may come anywhere.
	args := append([]string{"up", "--once", "--netns", "blue", "--address", "192.0.2.10/24"}, eth0And1...)
	succeeds(t, h, args...)
	if got := inside("address", "show", "bond0"); !strings.Contains(got, "192.0.2.10/24") {
		t.Errorf("bond0 in the namespace:\n%s", got)
	}
	if o := succeeds(t, h, args...); !o.changedNothing() {
		t.Errorf("the second up printed %q", o.Stdout)
	}
	st := outsideStatus(t, h)
	if diff := cmp.Diff([]string{"eth0 active", "eth1 backup"}, st.roles()); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	if speed := st.member(t, "eth0").Speed; speed != 10000 {
		t.Errorf("speed of eth0, by ethtool: %d, want 10000", speed)
	}
	succeeds(t, h, "--netns", "blue", "switch", "eth1")

	// Here, nobody has heard of it.
	fails(t, h, 1, []string{"bond0: no such bond"}, "status")
	sameLinks(t, h, outside)
	succeeds(t, h, "--netns", "blue", "down")
	if diff := cmp.Diff(before, inside("link", "show", "eth0")+inside("link", "show", "eth1")); diff != "" {
		t.Errorf("members in the namespace (-before +after):\n%s", diff)
	}
	fails(t, h, 1, []string{"red"}, "--netns", "red", "status")
}

// TestNetnsKeeper: the keeper that up leaves is in the namespace, with its sysfs at /sys.
func TestNetnsKeeper(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	inside := addBlue(t, h)
	args := append([]string{"--netns", "blue", "up", "--address", "192.0.2.10/24"}, eth0And1...)
	succeeds(t, h, args...)
	pid := keeperOf(t, h)
	t.Cleanup(func() {
		succeeds(t, h, "--netns", "blue", "down")
		netnstest.Eventually(t, ended(pid))
	})
	want := strings.TrimSpace(h.Run("ip", "netns", "exec", "blue", "readlink", "/proc/self/ns/net"))
	for _, thread := range threads(pid) {
		if got, err := os.Readlink(string(thread) + "/ns/net"); got != want || err != nil {
			t.Errorf("the keeper's thread %s is in %s, want %s; error %v", thread, got, want, err)
		}
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/root/sys/class/net/bond0", pid)); err != nil {
		t.Errorf("the keeper's /sys: %v", err)
	}
	inside("link", "delete", "eth1")
	addVeth(inside, "eth1")
	netnstest.Eventually(t, func() error {
		if roles := outsideStatus(t, h).roles(); !slices.Equal(roles, []string{"eth0 active", "eth1 backup"}) {
			return fmt.Errorf("roles %q", roles)
		}
		return nil
	})
}

// sameFromOutside compares the machine's status with what is asked for from another network namespace.
func sameFromOutside(t *testing.T, m *netnstest.Machine) {
	t.Helper()
	m.Run("ip", "netns", "attach", "machine", "1")
	m.Run("ip", "netns", "add", "outside")
	t.Cleanup(func() {
		for _, name := range []string{"machine", "outside"} {
			m.Run("ip", "netns", "delete", name)
		}
	})
	var got bondStatus
	decode(t, run(t, m.Command("ip", "netns", "exec", "outside", "bondctl", "--netns", "machine", "status", "--json")), &got)
	if diff := cmp.Diff(status(t, m.Host), got); diff != "" {
		t.Errorf("status of bond0 (-inside +outside):\n%s", diff)
	}
}
