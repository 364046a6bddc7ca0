package wlan

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/wifi"
)

var (
	apAddr   = net.HardwareAddr{2, 0, 0, 0, 1, 0}
	peerAddr = net.HardwareAddr{2, 0, 0, 0, 2, 0}
)

func TestNewStation(t *testing.T) {
	home := &bss{bssid: apAddr, ssid: []byte("home"), signal: -6151}
	ap := func(signal, bitrate int) *wifi.StationInfo {
		return &wifi.StationInfo{HardwareAddr: apAddr, Signal: signal, TransmitBitrate: bitrate}
	}
	peer := &wifi.StationInfo{HardwareAddr: peerAddr, Signal: -10, TransmitBitrate: 1}

	tests := []struct {
		name  string
		bss   *bss
		peers []*wifi.StationInfo
		want  Station
	}{
		{
			name:  "usual",
			bss:   home,
			peers: []*wifi.StationInfo{ap(-52, 866_700_000)},
			want:  Station{SSID: []byte("home"), BSSID: apAddr, Signal: new(-52), Bitrate: new(866_700_000)},
		},
		{
			name:  "signal falls back on the beacon's",
			bss:   home,
			peers: []*wifi.StationInfo{ap(0, 54_000_000)},
			want:  Station{SSID: []byte("home"), BSSID: apAddr, Signal: new(-62), Bitrate: new(54_000_000)},
		},
		{
			name: "driver that lists no stations",
			bss:  home,
			want: Station{SSID: []byte("home"), BSSID: apAddr, Signal: new(-62)},
		},
		{
			name:  "driver that tells no signal at all",
			bss:   &bss{bssid: apAddr, ssid: []byte("home")},
			peers: []*wifi.StationInfo{ap(0, 0)},
			want:  Station{SSID: []byte("home"), BSSID: apAddr},
		},
		{
			name:  "hidden network",
			bss:   &bss{bssid: apAddr, signal: -4000},
			peers: []*wifi.StationInfo{ap(-41, 6_000_000)},
			want:  Station{BSSID: apAddr, Signal: new(-41), Bitrate: new(6_000_000)},
		},
		{
			name:  "tdls peer is not the access point",
			bss:   home,
			peers: []*wifi.StationInfo{peer, ap(-60, 54_000_000)},
			want:  Station{SSID: []byte("home"), BSSID: apAddr, Signal: new(-60), Bitrate: new(54_000_000)},
		},
		{
			name:  "several peers and none is the access point",
			bss:   home,
			peers: []*wifi.StationInfo{peer, peer},
			want:  Station{SSID: []byte("home"), BSSID: apAddr, Signal: new(-62)},
		},
		{
			name:  "access point of several links",
			bss:   home,
			peers: []*wifi.StationInfo{{HardwareAddr: peerAddr, Signal: -33, TransmitBitrate: 5_000_000_000}},
			want:  Station{SSID: []byte("home"), BSSID: apAddr, Signal: new(-33), Bitrate: new(5_000_000_000)},
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, newStation(tt.bss, tt.peers)); diff != "" {
				t.Errorf("station (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIsStation(t *testing.T) {
	tests := []struct {
		name string
		ifi  wifi.Interface
		want bool
	}{
		{name: "station", ifi: wifi.Interface{Name: "wlan0", Type: wifi.InterfaceTypeStation}, want: true},
		{name: "access point", ifi: wifi.Interface{Name: "wlan0", Type: wifi.InterfaceTypeAP}},
		{name: "monitor", ifi: wifi.Interface{Name: "mon0", Type: wifi.InterfaceTypeMonitor}},
		{name: "p2p device without a name", ifi: wifi.Interface{Type: wifi.InterfaceTypeP2PDevice}},
		{name: "station without a name", ifi: wifi.Interface{Type: wifi.InterfaceTypeStation}},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := isStation(&tt.ifi); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
