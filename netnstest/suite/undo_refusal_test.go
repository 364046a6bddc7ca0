package suite

import (
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
)

// refusal is an up that the kernel itself refuses at some step.
type refusal struct {
	name    string
	prepare []string
	// bond is the up that comes first and succeeds; nil: there is no bond.
	bond []string
	// between are commands that come after it.
	between []string
	args    []string
	// want are texts of stderr: the step, and the kernel's explanation where it has one.
	want []string
	// never is a text that stderr must not have.
	never string
}

var refusals = []refusal{
	{
		name: "a driver that doesn't set the mac",
		prepare: []string{
			"ip link add lower0 type dummy",
			"ip link add ipv0 link lower0 type ipvlan mode l2",
		},
		args:  []string{"--member", "eth0", "--member", "eth1", "--member", "ipv0", "--address", "192.0.2.10/24"},
		want:  []string{"enslave ipv0 to bond0", "does not support setting the MAC address", "which it keeps with fail_over_mac active"},
		never: "sudo",
	},
	{
		name: "a device of another type",
		args: []string{"--member", "eth2", "--member", "eth0", "--member", "lo"},
		want: []string{"enslave lo to bond0", "Device type is different from other slaves"},
	},
	{
		name:    "a device whose frames go elsewhere",
		prepare: []string{"ip netns add away", "ip link add link eth1 name macvlan0 netns away type macvlan"},
		args:    []string{"--member", "eth0", "--member", "eth1"},
		want:    []string{"enslave eth1 to bond0", "Device is in use and cannot be enslaved"},
	},
	{
		name: "an mtu above a new member's",
		prepare: []string{
			"ip link add lower0 type dummy", "ip link set lower0 up", "ip link add link lower0 name vlan0 type vlan id 7",
		},
		args: []string{"--member", "eth0", "--member", "vlan0", "--mtu", "9000"},
		want: []string{"enslave vlan0 to bond0", "numerical result out of range"},
	},
	{
		name: "an mtu above a member's",
		prepare: []string{
			"ip link add lower0 type dummy", "ip link set lower0 up", "ip link add link lower0 name vlan0 type vlan id 7",
		},
		bond: []string{"--member", "eth0", "--member", "vlan0", "--address", "192.0.2.10/24"},
		args: []string{"--member", "eth0", "--member", "vlan0", "--address", "192.0.2.10/24", "--mtu", "9000", "--num-grat-arp", "5"},
		want: []string{"set bond0 mtu 9000", "numerical result out of range"},
	},
	{
		name:    "ipv6 where it is off",
		prepare: []string{"sysctl -q net.ipv6.conf.default.disable_ipv6=1"},
		args: []string{
			"--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24", "--gateway", "192.0.2.1",
			"--address", "2001:db8::10/64",
		},
		want:  []string{"add 2001:db8::10/64 to bond0", "permission denied", "IPv6 is disabled on bond0; sysctl -w net.ipv6.conf.bond0.disable_ipv6=0 enables it"},
		never: "sudo",
	},
	{
		name:    "an unreachable gateway",
		prepare: []string{"ip route add unreachable 192.0.2.1 scope link"},
		args:    []string{"--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24", "--gateway", "192.0.2.1"},
		want:    []string{"add default route via 192.0.2.1 metric 100 over bond0", "Nexthop has invalid gateway"},
	},
	{
		name:    "another device's alternative name",
		prepare: []string{"ip link add lower0 type dummy", "ip link property add dev lower0 altname bond0"},
		args:    []string{"--member", "eth0", "--address", "192.0.2.10/24"},
		want:    []string{"create bond0", "file exists"},
	},
	{
		name:    "an address that is there, of link scope",
		bond:    []string{"--member", "eth0", "--address", "192.0.2.10/24"},
		between: []string{"ip address add 169.254.7.7/16 scope link dev bond0"},
		args:    []string{"--member", "eth0", "--member", "eth1", "--address", "192.0.2.10/24", "--address", "169.254.7.7/16"},
		want:    []string{"add 169.254.7.7/16 to bond0", "file exists"},
	},
}

// TestRefusal has the kernel refuse an up of the real program, early and late.
func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			h := threeNICs(t)
			shell(h, r.prepare...)
			if r.bond != nil {
				up(t, h, r.bond...)
				netnstest.Eventually(t, running(h))
			}
			shell(h, r.between...)
			before := takeSnapshot(t, h)
			o := bondctl(t, h, append([]string{"up", "--once", "--wait", "0"}, r.args...)...)
			if o.Status != 1 {
				t.Fatalf("exit status %d, want 1\n%s%s", o.Status, o.Stdout, o.Stderr)
			}
			if o.Stdout != "" {
				t.Errorf("stdout has %q, want nothing", o.Stdout)
			}
			for _, want := range r.want {
				if !strings.Contains(o.Stderr, want) {
					t.Errorf("stderr doesn't say %q:\n%s", want, o.Stderr)
				}
			}
			if r.never != "" && strings.Contains(o.Stderr, r.never) {
				t.Errorf("stderr says %q:\n%s", r.never, o.Stderr)
			}
			netnstest.Eventually(t, asBefore(t, h, before))
		})
	}
}
