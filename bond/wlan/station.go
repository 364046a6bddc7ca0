package wlan

import (
	"math"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/wifi"
	"golang.org/x/sys/unix"
)

// A Station is an interface in station mode. The zero Station is connected to
// nothing.
type Station struct {
	// SSID is the name of the network (NL80211_ATTR_SSID): up to 32 bytes of
	// any value, chosen by whoever runs it. Escape them before printing. Nil
	// while not associated.
	SSID []byte
	// Signal is the strength of what is received from the access point, in dBm:
	// of the last frame (NL80211_STA_INFO_SIGNAL), or where a driver doesn't
	// know, of the last beacon (NL80211_BSS_SIGNAL_MBM). Nil when unknown or
	// not associated.
	Signal *int
	// Bitrate is the rate of the last frame sent, in bit/s
	// (NL80211_STA_INFO_TX_BITRATE). Nil when unknown or not associated.
	Bitrate *int
}

// A namedSSID is an interface and the SSID that it is or is being connected to.
type namedSSID struct {
	*wifi.Interface
	ssid []byte
}

// parseInterfaces parses the answer to NL80211_CMD_GET_INTERFACE.
func parseInterfaces(msgs []genetlink.Message) ([]namedSSID, error) {
	// One interface a message, in the same order.
	ifis, err := wifi.ParseInterfaces(msgs)
	if err != nil {
		return nil, err
	}

	named := make([]namedSSID, len(ifis))
	for i, ifi := range ifis {
		ssid, err := parseSSID(msgs[i].Data)
		if err != nil {
			return nil, err
		}
		named[i] = namedSSID{Interface: ifi, ssid: ssid}
	}

	return named, nil
}

// parseSSID finds NL80211_ATTR_SSID among the attributes of an interface: nil if
// it has none.
func parseSSID(b []byte) ([]byte, error) {
	attrs, err := netlink.UnmarshalAttributes(b)
	if err != nil {
		return nil, err
	}

	for _, a := range attrs {
		if a.Type == unix.NL80211_ATTR_SSID && len(a.Data) > 0 {
			return a.Data, nil
		}
	}

	return nil, nil
}

// A link is all that the kernel tells of a station's connection.
type link struct {
	ssid  []byte              // of the interface; also while connecting
	peers []*wifi.StationInfo // the access point, and any TDLS peers
	bss   *wifi.BSS           // nil when not asked for, or not associated
}

// complete reports whether the link tells everything without its BSS.
func (l link) complete() bool {
	return len(l.ssid) > 0 && len(l.peers) == 1 && l.peers[0].Signal != 0
}

// station boils the link down.
func (l link) station() Station {
	if l.bss != nil && l.bss.Status != wifi.BSSStatusAssociated {
		l.bss = nil
	}

	ap := l.accessPoint()
	if ap == nil && l.bss == nil {
		return Station{}
	}

	s := Station{SSID: l.ssid}
	if ap != nil {
		s.Signal = known(ap.Signal)
		s.Bitrate = known(ap.TransmitBitrate)
	}
	if l.bss != nil {
		if len(s.SSID) == 0 && l.bss.SSID != "" {
			s.SSID = []byte(l.bss.SSID)
		}
		if s.Signal == nil {
			// In mBm, hundredths of a dBm.
			s.Signal = known(int(math.Round(float64(l.bss.Signal) / 100)))
		}
	}

	return s
}

// accessPoint picks the access point among the peers: the one that has the
// BSSID, and the only one when there is no BSS to compare with. Nil if none.
func (l link) accessPoint() *wifi.StationInfo {
	if l.bss == nil && len(l.peers) == 1 {
		return l.peers[0]
	}

	for _, p := range l.peers {
		if l.bss != nil && p.HardwareAddr.String() == l.bss.BSSID.String() {
			return p
		}
	}

	return nil
}

// known returns n, or nil for 0, which the wifi package has for what the kernel
// didn't send. No real signal or rate is 0.
func known(n int) *int {
	if n == 0 {
		return nil
	}

	return &n
}
