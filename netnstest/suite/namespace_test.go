package suite

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// TestNetns makes a bond in a named network namespace from outside of it.
func TestNetns(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Run("ip", "netns", "add", "blue")
	t.Cleanup(func() { h.Run("ip", "netns", "delete", "blue") })
	for _, name := range []string{"eth0", "eth1"} {
		h.Run("ip", "-n", "blue", "link", "add", name, "type", "veth", "peer", "name", "p-"+name)
		h.Run("ip", "-n", "blue", "link", "set", "p-"+name, "up")
	}
	inside := func(args ...string) string {
		t.Helper()
		return h.Run("ip", append([]string{"-n", "blue", "-brief"}, args...)...)
	}
	before, outside := inside("link", "show", "eth0")+inside("link", "show", "eth1"), links(t, h)

	// The flag may come anywhere.
	args := append([]string{"up", "--once", "--netns", "blue", "--address", "192.0.2.10/24"}, eth0And1...)
	succeeds(t, h, args...)
	if got := inside("address", "show", "bond0"); !strings.Contains(got, "192.0.2.10/24") {
		t.Errorf("bond0 in the namespace:\n%s", got)
	}
	if o := succeeds(t, h, args...); o.Stdout != "bond0: nothing to change\n" {
		t.Errorf("the second up printed %q", o.Stdout)
	}
	var st bondStatus
	o := succeeds(t, h, "--netns=blue", "status", "--json")
	if err := json.Unmarshal([]byte(o.Stdout), &st); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"eth0 active", "eth1 backup"}, st.roles()); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
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
