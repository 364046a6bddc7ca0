package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
)

// monitoring is what the status says of MII and ARP monitoring.
type monitoring struct {
	Miimon         int      `json:"miimon"`
	Updelay        int      `json:"updelay"`
	Downdelay      int      `json:"downdelay"`
	PeerNotifDelay int      `json:"peer_notif_delay"`
	ARPInterval    int      `json:"arp_interval"`
	ARPIPTarget    []string `json:"arp_ip_target"`
	NSIP6Target    []string `json:"ns_ip6_target"`
	ARPValidate    string   `json:"arp_validate"`
}

// TestMonitorChange changes from MII to ARP monitoring and back, live. The kernel takes one of them
// only, refuses every delay while miimon is 0, and rescales the delays when miimon changes.
func TestMonitorChange(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	tap := h.Tap()
	members := []string{"--member", "eth0", "--member", "eth1"}
	var bond linkState
	for i, tt := range []struct {
		args string
		want monitoring
	}{
		{"--miimon 100 --updelay 400 --downdelay 200 --peer-notif-delay 300",
			monitoring{Miimon: 100, Updelay: 400, Downdelay: 200, PeerNotifDelay: 300}},
		{"--arp-interval 200 --arp-ip-target 192.0.2.1 --arp-validate all",
			monitoring{ARPInterval: 200, ARPIPTarget: []string{"192.0.2.1"}, ARPValidate: "all"}},
		{"--miimon 50 --updelay 100",
			monitoring{Miimon: 50, Updelay: 100}},
		{"--miimon 200 --updelay 400 --downdelay 200",
			monitoring{Miimon: 200, Updelay: 400, Downdelay: 200}},
		{"--arp-interval 100 --arp-ip-target 2001:db8::1 --arp-ip-target 192.0.2.1",
			monitoring{ARPInterval: 100, ARPIPTarget: []string{"192.0.2.1"}, NSIP6Target: []string{"2001:db8::1"}}},
		{"--arp-interval 300 --arp-ip-target 2001:db8::1 --arp-validate backup",
			monitoring{ARPInterval: 300, NSIP6Target: []string{"2001:db8::1"}, ARPValidate: "backup"}},
		{"--peer-notif-delay 100",
			monitoring{Miimon: 100, PeerNotifDelay: 100}},
	} {
		args := append(strings.Fields(tt.args), members...)
		up(t, h, args...)
		// A list is never null in JSON.
		want := tt.want
		want.ARPIPTarget = append([]string{}, want.ARPIPTarget...)
		want.NSIP6Target = append([]string{}, want.NSIP6Target...)
		if want.ARPValidate == "" {
			want.ARPValidate = "none"
		}
		if diff := cmp.Diff(want, statusOf[monitoring](t, h, "bond0")); diff != "" {
			t.Errorf("status after up %s (-want +got):\n%s", tt.args, diff)
		}
		if i == 0 {
			bond = link(t, h, "bond0")
			mark(t, h)
		}
		if link(t, h, "bond0").Index != bond.Index || !marked(h) {
			t.Errorf("up %s made the bond anew or released its slaves", tt.args)
		}
		unchanged(t, h, tap, args...)
	}
}

// TestRoundedDelay: the kernel keeps a delay as a multiple of miimon. That is said, and no reason to
// set it again.
func TestRoundedDelay(t *testing.T) {
	t.Parallel()
	h := netnstest.New(t)
	h.Cable("eth0")
	tap := h.Tap()
	args := []string{"--updelay", "250", "--downdelay", "99", "--member", "eth0"}
	o := up(t, h, args...)
	for _, said := range []string{"updelay 250 ms", "makes it 200 ms", "downdelay 99 ms", "makes it 0 ms"} {
		if !strings.Contains(o.Stderr, said) {
			t.Errorf("up doesn't say %q:\n%s", said, o.Stderr)
		}
	}
	st := statusOf[monitoring](t, h, "bond0")
	if got, want := []int{st.Updelay, st.Downdelay}, []int{200, 0}; !slices.Equal(got, want) {
		t.Errorf("updelay and downdelay are %v, want %v", got, want)
	}
	unchanged(t, h, tap, args...)
}
