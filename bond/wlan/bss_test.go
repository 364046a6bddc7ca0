package wlan

import (
	"bytes"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// scanned encodes one network of a scan; status is left out when negative.
func scanned(t *testing.T, addr net.HardwareAddr, status int, mBm int32, ies []byte) genetlink.Message {
	t.Helper()

	ae := netlink.NewAttributeEncoder()
	ae.Uint32(unix.NL80211_ATTR_IFINDEX, 4)
	ae.Nested(unix.NL80211_ATTR_BSS, func(nae *netlink.AttributeEncoder) error {
		nae.Bytes(unix.NL80211_BSS_BSSID, addr)
		nae.Int32(unix.NL80211_BSS_SIGNAL_MBM, mBm)
		nae.Bytes(unix.NL80211_BSS_INFORMATION_ELEMENTS, ies)
		if status >= 0 {
			nae.Uint32(unix.NL80211_BSS_STATUS, uint32(status))
		}
		return nil
	})

	b, err := ae.Encode()
	if err != nil {
		t.Fatalf("encode attributes: %v", err)
	}

	return genetlink.Message{Data: b}
}

func TestAssociated(t *testing.T) {
	const none = -1
	ssid := func(s string) []byte { return append([]byte{0, byte(len(s))}, s...) }

	tests := []struct {
		name string
		msgs []genetlink.Message
		want *bss
	}{
		{name: "nothing scanned"},
		{
			name: "only others",
			msgs: []genetlink.Message{
				scanned(t, peerAddr, none, -4000, ssid("next door")),
				scanned(t, apAddr, none, -5000, ssid("home")),
			},
		},
		{
			name: "one among others",
			msgs: []genetlink.Message{
				scanned(t, peerAddr, none, -4000, ssid("next door")),
				scanned(t, apAddr, unix.NL80211_BSS_STATUS_ASSOCIATED, -5000, ssid("home")),
			},
			want: &bss{bssid: apAddr, ssid: []byte("home"), signal: -5000},
		},
		{
			name: "authenticated is not associated",
			msgs: []genetlink.Message{
				scanned(t, apAddr, unix.NL80211_BSS_STATUS_AUTHENTICATED, -5000, ssid("home")),
			},
		},
		{
			name: "ssid that is no utf-8 is kept as it is",
			msgs: []genetlink.Message{
				scanned(t, apAddr, unix.NL80211_BSS_STATUS_ASSOCIATED, -5000, ssid("caf\xe9 \xff\x1b\x00")),
			},
			want: &bss{bssid: apAddr, ssid: []byte("caf\xe9 \xff\x1b\x00"), signal: -5000},
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := associated(tt.msgs)
			if err != nil {
				t.Fatalf("parse scan: %v", err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(bss{})); diff != "" {
				t.Errorf("bss (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAssociatedTruncated(t *testing.T) {
	// An attribute that claims to be longer than the message.
	_, err := associated([]genetlink.Message{{Data: []byte{0xff, 0, unix.NL80211_ATTR_BSS, 0, 'x'}}})
	if err == nil {
		t.Fatal("no error")
	}
}

func TestParseSSID(t *testing.T) {
	long := bytes.Repeat([]byte{'x'}, maxSSID)

	tests := []struct {
		name string
		ies  []byte
		want []byte
	}{
		{name: "nothing"},
		{name: "first", ies: []byte{0, 2, 'a', 'b', 1, 1, 0x82}, want: []byte("ab")},
		{name: "after others", ies: []byte{1, 1, 0x82, 3, 0, 0, 1, 'a'}, want: []byte("a")},
		{name: "longest", ies: append([]byte{0, maxSSID}, long...), want: long},
		{name: "hidden", ies: []byte{0, 0, 1, 1, 0x82}},
		{name: "too long", ies: append([]byte{0, maxSSID + 1, 'x'}, long...)},
		{name: "cut short", ies: []byte{0, 5, 'a', 'b'}},
		{name: "cut in the head", ies: []byte{1, 0, 0}},
		{name: "after one that is malformed", ies: []byte{1, 200, 0, 1, 'a'}},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, parseSSID(tt.ies)); diff != "" {
				t.Errorf("ssid (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseSSID(f *testing.F) {
	f.Add([]byte{0, 2, 'a', 'b', 1, 1, 0x82})
	f.Add([]byte{1, 1, 0x82, 0, 1, 0xff})
	f.Add([]byte{0, 33})
	f.Fuzz(func(t *testing.T, ies []byte) {
		ssid := parseSSID(ies)
		if len(ssid) > maxSSID || !bytes.Contains(ies, ssid) {
			t.Errorf("%q: no ssid: %q", ies, ssid)
		}
		if ssid == nil {
			return
		}
		again := parseSSID(append([]byte{0, byte(len(ssid))}, ssid...))
		if !bytes.Equal(again, ssid) {
			t.Errorf("%q: %q becomes %q", ies, ssid, again)
		}
	})
}
