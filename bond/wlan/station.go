package wlan

import (
	"bytes"
	"math"
	"net"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/wifi"
)

// A Station is an interface in station mode. The zero Station is connected to
// nothing.
type Station struct {
	// SSID is the name of the network, out of NL80211_BSS_INFORMATION_ELEMENTS:
	// up to 32 bytes of any value, chosen by whoever runs it. Escape them before
	// printing. Nil while not associated.
	SSID []byte
	// BSSID is the access point's address (NL80211_BSS_BSSID). Nil while not
	// associated.
	BSSID net.HardwareAddr
	// Signal is the strength of what is received from the access point, in dBm:
	// of the last frame (NL80211_STA_INFO_SIGNAL), or where a driver doesn't
	// know, of the last beacon (NL80211_BSS_SIGNAL_MBM). Nil when unknown or
	// not associated.
	Signal *int
	// Bitrate is the rate of the last frame sent, in bit/s
	// (NL80211_STA_INFO_TX_BITRATE). Nil when unknown or not associated.
	Bitrate *int
}

// newStation puts together what is known of the network and of the peers on it.
func newStation(b *bss, peers []*wifi.StationInfo) Station {
	s := Station{SSID: b.ssid, BSSID: b.bssid}
	if ap := accessPoint(b, peers); ap != nil {
		s.Signal = known(ap.Signal)
		s.Bitrate = known(ap.TransmitBitrate)
	}
	if s.Signal == nil {
		s.Signal = known(int(math.Round(float64(b.signal) / 100)))
	}

	return s
}

// accessPoint picks the access point among the peers. Others can be stations
// that are talked to directly (TDLS).
func accessPoint(b *bss, peers []*wifi.StationInfo) *wifi.StationInfo {
	// Over several links (Wi-Fi 7) the access point has an address of its own,
	// other than the BSSID of any link: so the only one needn't match.
	if len(peers) == 1 {
		return peers[0]
	}

	for _, p := range peers {
		if bytes.Equal(p.HardwareAddr, b.bssid) {
			return p
		}
	}

	return nil
}

// known returns n, or nil for 0, which stands for what the kernel didn't send.
// No real signal or rate is 0.
func known(n int) *int {
	if n == 0 {
		return nil
	}

	return &n
}

// parsePeers parses the answer to NL80211_CMD_GET_STATION.
func parsePeers(msgs []genetlink.Message) ([]*wifi.StationInfo, error) {
	peers := make([]*wifi.StationInfo, len(msgs))
	for i, m := range msgs {
		var err error
		if peers[i], err = wifi.ParseStationInfo(m.Data); err != nil {
			return nil, err
		}
	}

	return peers, nil
}
