package wlan

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/wifi"
	"golang.org/x/sys/unix"
)

var (
	apAddr   = net.HardwareAddr{2, 0, 0, 0, 1, 0}
	peerAddr = net.HardwareAddr{2, 0, 0, 0, 2, 0}
)

func TestLinkStation(t *testing.T) {
	ap := func(signal, bitrate int) *wifi.StationInfo {
		return &wifi.StationInfo{HardwareAddr: apAddr, Signal: signal, TransmitBitrate: bitrate}
	}
	bss := func(ssid string, mBm int32) *wifi.BSS {
		return &wifi.BSS{SSID: ssid, BSSID: apAddr, Status: wifi.BSSStatusAssociated, Signal: mBm}
	}

	tests := []struct {
		name     string
		link     link
		complete bool
		want     Station
	}{
		{
			name:     "associated",
			link:     link{ssid: []byte("home"), peers: []*wifi.StationInfo{ap(-52, 866_700_000)}},
			complete: true,
			want:     Station{SSID: []byte("home"), Signal: new(-52), Bitrate: new(866_700_000)},
		},
		{
			name:     "ssid that is no utf-8 is kept as it is",
			link:     link{ssid: []byte{0xff, 0x1b, 0}, peers: []*wifi.StationInfo{ap(-52, 0)}},
			complete: true,
			want:     Station{SSID: []byte{0xff, 0x1b, 0}, Signal: new(-52)},
		},
		{
			name: "not associated",
			link: link{},
		},
		{
			name: "connecting has an ssid but no access point",
			link: link{ssid: []byte("home")},
		},
		{
			name: "authenticated is not associated",
			link: link{
				ssid: []byte("home"),
				bss:  &wifi.BSS{SSID: "home", BSSID: apAddr, Status: wifi.BSSStatusAuthenticated, Signal: -5000},
			},
		},
		{
			name: "ssid of an old kernel comes from the bss",
			link: link{peers: []*wifi.StationInfo{ap(-70, 6_000_000)}, bss: bss("old", -4000)},
			want: Station{SSID: []byte("old"), Signal: new(-70), Bitrate: new(6_000_000)},
		},
		{
			name: "signal falls back on the beacon's",
			link: link{ssid: []byte("home"), peers: []*wifi.StationInfo{ap(0, 54_000_000)}, bss: bss("home", -6151)},
			want: Station{SSID: []byte("home"), Signal: new(-62), Bitrate: new(54_000_000)},
		},
		{
			name: "driver that lists no stations",
			link: link{ssid: []byte("home"), bss: bss("home", -3000)},
			want: Station{SSID: []byte("home"), Signal: new(-30)},
		},
		{
			name: "driver that tells no signal at all",
			link: link{ssid: []byte("home"), peers: []*wifi.StationInfo{ap(0, 0)}, bss: bss("home", 0)},
			want: Station{SSID: []byte("home")},
		},
		{
			name: "tdls peer is not the access point",
			link: link{
				ssid: []byte("home"),
				peers: []*wifi.StationInfo{
					{HardwareAddr: peerAddr, Signal: -10, TransmitBitrate: 1},
					ap(-60, 54_000_000),
				},
				bss: bss("home", -6000),
			},
			want: Station{SSID: []byte("home"), Signal: new(-60), Bitrate: new(54_000_000)},
		},
		{
			name: "several peers and no bss to tell which",
			link: link{ssid: []byte("home"), peers: []*wifi.StationInfo{ap(-60, 1), {HardwareAddr: peerAddr}}},
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.link.complete(); got != tt.complete {
				t.Errorf("complete: got %v, want %v", got, tt.complete)
			}
			if diff := cmp.Diff(tt.want, tt.link.station()); diff != "" {
				t.Errorf("station (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseInterfaces(t *testing.T) {
	msgs := []genetlink.Message{
		{Data: encode(t, func(ae *netlink.AttributeEncoder) {
			ae.Uint32(unix.NL80211_ATTR_IFINDEX, 4)
			ae.String(unix.NL80211_ATTR_IFNAME, "wlan0")
			ae.Uint32(unix.NL80211_ATTR_IFTYPE, unix.NL80211_IFTYPE_STATION)
			ae.Bytes(unix.NL80211_ATTR_SSID, []byte("caf\xe9 \xff"))
		})},
		{Data: encode(t, func(ae *netlink.AttributeEncoder) {
			ae.Uint32(unix.NL80211_ATTR_IFTYPE, unix.NL80211_IFTYPE_P2P_DEVICE)
		})},
		{Data: encode(t, func(ae *netlink.AttributeEncoder) {
			ae.Uint32(unix.NL80211_ATTR_IFINDEX, 5)
			ae.String(unix.NL80211_ATTR_IFNAME, "wlan1")
			ae.Uint32(unix.NL80211_ATTR_IFTYPE, unix.NL80211_IFTYPE_AP)
			ae.Bytes(unix.NL80211_ATTR_SSID, nil)
		})},
	}

	got, err := parseInterfaces(msgs)
	if err != nil {
		t.Fatalf("parse interfaces: %v", err)
	}

	want := []namedSSID{
		{
			Interface: &wifi.Interface{Index: 4, Name: "wlan0", Type: wifi.InterfaceTypeStation},
			ssid:      []byte("caf\xe9 \xff"),
		},
		{Interface: &wifi.Interface{Type: wifi.InterfaceTypeP2PDevice}},
		{Interface: &wifi.Interface{Index: 5, Name: "wlan1", Type: wifi.InterfaceTypeAP}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(namedSSID{})); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
}

func TestParseInterfacesTruncated(t *testing.T) {
	// An attribute that claims to be longer than the message.
	_, err := parseInterfaces([]genetlink.Message{{Data: []byte{0xff, 0, 4, 0, 'x'}}})
	if err == nil {
		t.Fatal("no error for a truncated attribute")
	}
}

func encode(t *testing.T, fill func(*netlink.AttributeEncoder)) []byte {
	t.Helper()

	ae := netlink.NewAttributeEncoder()
	fill(ae)

	b, err := ae.Encode()
	if err != nil {
		t.Fatalf("encode attributes: %v", err)
	}

	return b
}
