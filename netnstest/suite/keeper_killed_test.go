package suite

import (
	"encoding/json"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// A sight is something that happens, and has a keeper change the bond at its next look.
type sight struct {
	name   string
	config string // beside eth0 as a member
	// before has what is about to happen not have happened; the bond isn't there.
	before  func(eth0, eth1 *netnstest.Cable)
	happens func(t *testing.T, h *netnstest.Host, eth0, eth1 *netnstest.Cable)
	// seen is a condition for Eventually: the keeper has done what is to be done.
	seen func(t *testing.T, h *netnstest.Host) func() error
}

const staticConfig = "[ipv4]\naddresses = [\"192.0.2.10/24\"]\ngateway = \"192.0.2.1\"\n"

var sights = []sight{
	{
		name:    "a member appears",
		config:  "[[member]]\nname = \"eth1\"\n" + staticConfig,
		before:  func(_, eth1 *netnstest.Cable) { eth1.Remove() },
		happens: func(_ *testing.T, _ *netnstest.Host, _, eth1 *netnstest.Cable) { eth1.Insert() },
		seen: func(_ *testing.T, h *netnstest.Host) func() error {
			return usable(h, "eth0", "eth1")
		},
	},
	{
		name:   "an address is lost",
		config: staticConfig,
		before: func(_, _ *netnstest.Cable) {},
		happens: func(t *testing.T, h *netnstest.Host, _, _ *netnstest.Cable) {
			change(t, h, "bond0", "take the address from", func(nl *netlink.Handle, bond netlink.Link) error {
				address, err := netlink.ParseAddr("192.0.2.10/24")
				if err != nil {
					return err
				}
				return nl.AddrDel(bond, address)
			})
		},
		seen: func(_ *testing.T, h *netnstest.Host) func() error { return defaultRoute(h, "192.0.2.1") },
	},
	{
		name:    "the first lease",
		config:  "[ipv4]\nmethod = \"dhcp\"\n",
		before:  func(eth0, _ *netnstest.Cable) { eth0.Pull() },
		happens: func(_ *testing.T, _ *netnstest.Host, eth0, _ *netnstest.Cable) { eth0.Plug() },
		seen:    func(t *testing.T, h *netnstest.Host) func() error { return leased(t, h, "192.0.2.") },
	},
}

// TestKeeperKilledAtLook kills a keeper at each change of such a look. The next keeper does what is left,
// what was noted can be read, and down still gives the members back as they were.
func TestKeeperKilledAtLook(t *testing.T) {
	t.Parallel()
	for _, s := range sights {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h := netnstest.New(t, netnstest.Private("/etc/bondctl", "/var/lib/bondctl"))
			// Else the end of duplicate address detection has the keeper look once more, when it has been idle.
			sysctl(t, h.Namespace, "net/ipv6/conf/default/accept_dad", "0")
			h.LAN().DHCP()
			eth0, eth1 := h.Cable("eth0"), h.Cable("eth1")
			linkUp(t, h, "eth0")
			writeFile(t, in(h, "/etc/bondctl/bond0.toml"), "[[member]]\nname = \"eth0\"\n"+s.config)
			before := unnumbered(links(t, h))
			var want []linkState
			kill := func(at int) *netnstest.Supervisor {
				s.before(eth0, eth1)
				killer := s.kill(t, h, at, func() { s.happens(t, h, eth0, eth1) })
				got := bonded(t, h)
				if want == nil {
					want = got
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("links (-want +got):\n%s", diff)
				}
				succeeds(t, h, "events")
				succeeds(t, h, "down")
				wantForgotten(t, h)
				if diff := cmp.Diff(before, unnumbered(links(t, h))); diff != "" {
					t.Errorf("links after down (-before +after):\n%s", diff)
				}
				return killer
			}
			atChanges(t, kill(0).Made(), func(at int) bool { return kill(at).Killed() })
		})
	}
}

// kill starts a keeper that is to be killed at a change after something happens, and another one if it is.
func (s sight) kill(t *testing.T, h *netnstest.Host, at int, happens func()) *netnstest.Supervisor {
	t.Helper()
	cmd := h.Command("bondctl", "daemon")
	killer := cmd.Supervise()
	keeper := untilIdle(t, h, cmd)
	killer.KillAt(at)
	happens()
	netnstest.Eventually(t, keeper.endedOr(s.seen(t, h)))
	if killer.Killed() {
		startDaemon(t, h)
		netnstest.Eventually(t, s.seen(t, h))
	}
	netnstest.Eventually(t, noTrouble(t, h))
	return killer
}

// endedOr is a condition for Eventually: the keeper has ended, or it has met the other one and is idle.
func (d daemon) endedOr(cond func() error) func() error {
	return func() error {
		select {
		case <-d.Done():
			return nil
		default:
		}
		if err := cond(); err != nil {
			return err
		}
		return idle(d.pid)()
	}
}

// wantForgotten checks that nothing is kept of a bond but locks and its lease, which can be read.
func wantForgotten(t *testing.T, h *netnstest.Host) {
	t.Helper()
	for _, dir := range []string{"/run/bondctl", "/var/lib/bondctl"} {
		err := filepath.WalkDir(in(h, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || d.IsDir() || slices.Contains(locks, d.Name()):
			case d.Name() == "lease.json":
				if text := readFile(t, path); !json.Valid([]byte(text)) {
					t.Errorf("%s has %q", path, text)
				}
			default:
				t.Errorf("%s is left", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
