package bond

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// linkBody is the body of an RTM_NEWLINK message as the kernel writes it.
func linkBody(index int32, flags uint32, attrs ...*nl.RtAttr) []byte {
	head := nl.NewIfInfomsg(unix.AF_UNSPEC)
	head.Index, head.Flags = index, flags
	body := head.Serialize()
	for _, a := range attrs {
		body = append(body, a.Serialize()...)
	}
	return body
}

// bondBody is what the kernel says of a bond with IPv6 targets.
func bondBody() []byte {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.ZeroTerminated("bond"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	targets := data.AddRtAttr(iflaBondNSIP6Target|unix.NLA_F_NESTED, nil)
	targets.AddRtAttr(0, netip.MustParseAddr("2001:db8::1").AsSlice())
	return linkBody(7, unix.IFF_UP,
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("bond0")),
		nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(1500)),
		info)
}

// slaveBody is what the kernel says of a bond's slave.
func slaveBody() []byte {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.ZeroTerminated("veth"))
	info.AddRtAttr(nl.IFLA_INFO_SLAVE_KIND, nl.ZeroTerminated("bond"))
	prio := int32(-3)
	info.AddRtAttr(nl.IFLA_INFO_SLAVE_DATA, nil).AddRtAttr(iflaBondSlavePrio, binary.NativeEndian.AppendUint32(nil, uint32(prio)))
	return linkBody(3, 0,
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("eth0")),
		nl.NewRtAttr(unix.IFLA_ADDRESS, []byte{2, 0, 0x5e, 0x10, 0, 1}),
		nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(7)),
		nl.NewRtAttr(unix.IFLA_LINK, nl.Uint32Attr(4)),
		info)
}

func TestParseLink(t *testing.T) {
	for _, tt := range []struct {
		name string
		body []byte
		want rawLink
	}{
		{"bond", bondBody(), rawLink{
			index: 7, name: "bond0", kind: "bond", up: true, mtu: 1500,
			nsIP6Target: []netip.Addr{netip.MustParseAddr("2001:db8::1")},
		}},
		{"slave", slaveBody(), rawLink{
			index: 3, name: "eth0", kind: "veth", master: 7, parent: 4, prio: new(-3),
			mac: net.HardwareAddr{2, 0, 0x5e, 0x10, 0, 1},
		}},
		{"nothing said", linkBody(1, 0), rawLink{index: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseLink(tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, byValue, cmp.AllowUnexported(rawLink{})); diff != "" {
				t.Errorf("link (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParseLink has attributes never overlap or reach beyond the message,
// whatever their lengths say.
func FuzzParseLink(f *testing.F) {
	f.Add(bondBody())
	f.Add(slaveBody())
	f.Add([]byte{})
	f.Add(append(linkBody(1, 0), 3, 0, 3, 0))
	f.Add(append(linkBody(1, 0), 0xff, 0xff, 3, 0))
	f.Add(append(linkBody(1, 0), 5, 0, 3, 0, 'x'))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = parseLink(body)
		size := 0
		_ = eachAttr(body, func(kind uint16, value []byte) {
			size += unix.SizeofNlAttr + len(value)
			if kind > nlaTypeMask {
				t.Errorf("type %#x", kind)
			}
		})
		if size > len(body) {
			t.Errorf("attributes of %d bytes in %d", size, len(body))
		}
	})
}
