package suite

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/netnstest"
)

// TestRestore takes links that are in use into a bond, as somebody would who asks for no leave, and brings
// them back to the image of before: by the kernel's raw messages, every attribute of each link, address,
// route and rule is what it was. What they carry is drawn at random.
func TestRestore(t *testing.T) {
	t.Parallel()
	for range sample(4, 100) {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			h := threeNICs(t)
			inUse(t, h, rand.New(rand.NewPCG(seed, 0)))
			image := imageOf(t, h, "eth0", "eth1", "eth2")
			before, ends := takeSnapshot(t, h), lifetimes(t, h)

			shell(h, "ip link add bond0 type bond mode active-backup miimon 100",
				"ip link set eth0 down", "ip link set eth0 master bond0", "ip link set bond0 up",
				"ip link set eth1 down", "ip link set eth1 master bond0", "ip link set eth2 down",
				"ip address flush dev eth2 scope global", "sysctl -q net.ipv4.conf.eth0.rp_filter=2",
				"sysctl -q net.ipv6.conf.eth1.use_tempaddr=2")
			restoreImage(t, h, image)
			netnstest.Eventually(t, asBefore(t, h, before))
			for what, left := range lifetimes(t, h) {
				if was := ends[what]; left > was+2 || left < was-600 { // it is told in whole seconds
					t.Errorf("%s ends in %d s, and in %d before", what, left, was)
				}
			}
		})
	}
}

// inUse gives a host's NICs addresses, routes and rules of all kinds.
func inUse(t *testing.T, h *netnstest.Host, r *rand.Rand) {
	t.Helper()
	some := func(lines ...string) {
		for _, line := range lines {
			if r.IntN(4) > 0 {
				shell(h, line)
			}
		}
	}
	shell(h, "ip link set eth2 up", "ip address add 192.0.2.10/24 brd + dev eth0", "ip address add 198.51.100.10/24 dev eth1",
		"ip -6 address add 2001:db8::10/64 dev eth0")
	some(
		"ip address add 192.0.2.11/24 dev eth0 label eth0:second",
		"ip address add 192.0.2.12/32 dev eth0 valid_lft 90000 preferred_lft 7000",
		"ip address add 10.9.9.1 peer 10.9.9.2/32 dev eth1",
		"ip address add 10.8.8.1/24 dev eth1 noprefixroute scope link",
		"ip -6 address add 2001:db8::11/64 dev eth0 noprefixroute valid_lft 80000 preferred_lft 0",
		"ip -6 address add fe80::9/64 dev eth1",
		"ip -6 address add 2001:db8:1::7/128 dev eth2 home",
	)
	some(
		"ip route add default via 192.0.2.1 dev eth0 metric 100",
		"ip route add default via 198.51.100.1 dev eth1 metric 101",
		"ip route append default via 192.0.2.2 dev eth0 metric 100",
		"ip route add 203.0.113.0/24 nexthop via 192.0.2.1 dev eth0 weight 2 nexthop via 198.51.100.1 dev eth1",
		"ip route add 203.0.113.128/25 via 172.31.0.1 dev eth1 onlink",
		"ip route add 10.1.0.0/16 dev eth0 src 192.0.2.10 mtu 1400 advmss 1300 proto static",
		"ip route add default via 192.0.2.1 dev eth0 table 1001",
		"ip route add 192.0.2.0/24 dev eth0 table 1001 scope link",
		"ip -6 route add default via fe80::1 dev eth0 metric 512",
		"ip -6 route add 2001:db8:2::/48 via 2001:db8::1 dev eth0 expires 70000",
		"ip -6 route add 2001:db8:3::/48 nexthop via 2001:db8::1 dev eth0 nexthop via 2001:db8::2 dev eth0",
		"ip -6 route add 2001:db8:4::/48 dev eth1 table 1002 pref high",
		"ip rule add iif eth0 lookup 1001 priority 900",
		"ip rule add oif eth1 to 10.0.0.0/8 fwmark 7/0xff lookup 1001 priority 901",
		"ip -6 rule add iif eth1 lookup 1002 suppress_prefixlength 0 priority 902",
	)
}

// imageOf is the image of some links and their sysctls, as if no bond were there. It
// is made as another process has it: of an image's text.
func imageOf(t *testing.T, h *netnstest.Host, links ...string) (image bond.Image) {
	t.Helper()
	onHost(t, h, func(host *bond.Host) error {
		s, err := host.Observe(bond.Config{Name: "bond0"})
		if err != nil {
			return err
		}
		text, err := json.Marshal(s.Image(links...))
		if err != nil {
			return err
		}
		var values map[string]any
		if err := json.Unmarshal(text, &values); err != nil {
			return err
		}
		values["bond"] = map[string]any{"made": true}
		values["sysctls"] = sysctlsOf(t, s, links)
		if text, err = json.Marshal(values); err != nil {
			return err
		}
		return json.Unmarshal(text, &image)
	})
	return image
}

// sysctlsOf are two sysctls of each link, as an image has them.
func sysctlsOf(t *testing.T, s bond.State, links []string) (list []map[string]any) {
	t.Helper()
	for _, l := range s.Links {
		if !slices.Contains(links, l.Name) {
			continue
		}
		for family, key := range map[string]string{"ipv4": "rp_filter", "ipv6": "use_tempaddr"} {
			text, err := os.ReadFile(filepath.Join("/proc/sys/net", family, "conf", l.Name, key))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, map[string]any{"ifindex": l.Index, "family": family, "key": key, "value": strings.TrimSpace(string(text))})
		}
	}
	return list
}

func restoreImage(t *testing.T, h *netnstest.Host, image bond.Image) {
	t.Helper()
	onHost(t, h, func(host *bond.Host) error {
		steps, err := host.Restore(t.Context(), "bond0", image, bond.How{})
		for _, step := range steps {
			t.Log(step)
		}
		return err
	})
}

// onHost calls f with what bondctl has of a host.
func onHost(t *testing.T, h *netnstest.Host, f func(*bond.Host) error) {
	t.Helper()
	var err error
	h.Do(func() {
		var host *bond.Host
		if host, err = bond.Open(); err == nil {
			defer host.Close()
			err = f(host)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lifetimes are what is left of addresses and routes that end, in seconds.
func lifetimes(t *testing.T, h *netnstest.Host) map[string]int {
	t.Helper()
	left := map[string]int{}
	var links []struct {
		Addresses []struct {
			Local string `json:"local"`
			Valid int    `json:"valid_life_time"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal([]byte(h.Run("ip", "-json", "address")), &links); err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		for _, a := range l.Addresses {
			if a.Valid < 1<<31 {
				left[a.Local] = a.Valid
			}
		}
	}
	var routes []struct {
		Destination string `json:"dst"`
		Expires     int    `json:"expires"`
	}
	if err := json.Unmarshal([]byte(h.Run("ip", "-6", "-json", "route")), &routes); err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if r.Expires > 0 {
			left[r.Destination] = r.Expires
		}
	}
	return left
}
