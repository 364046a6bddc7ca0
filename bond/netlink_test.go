package bond

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// What Linux 6.1 shows by netlink alone.
func TestBondAttributes(t *testing.T) {
	data := nl.NewRtAttr(iflaBondNSIP6Target|unix.NLA_F_NESTED, nil)
	data.AddRtAttr(0, netip.MustParseAddr("2001:db8::1").AsSlice())
	bond := rtnl.Link{Kind: "bond", Data: string(data.Serialize())}
	if diff := cmp.Diff([]netip.Addr{netip.MustParseAddr("2001:db8::1")}, nsTargetsOf(bond), byValue); diff != "" {
		t.Errorf("ns_ip6_target (-want +got)\n%s", diff)
	}
	const prio = -3
	slave := rtnl.Link{SlaveKind: "bond", SlaveData: string(nl.NewRtAttr(iflaBondSlavePrio, nl.Uint32Attr(0xfffffffd)).Serialize())}
	if got := prioOf(slave); got == nil || *got != prio {
		t.Errorf("prio %v, want %d", got, prio)
	}
	if slave.SlaveKind = "bridge"; prioOf(slave) != nil {
		t.Errorf("a bridge's port has the prio %d", *prioOf(slave))
	}
}
