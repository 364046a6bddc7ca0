package wlan

import (
	"net"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A bss is the network that an interface is associated with, as the last scan
// saw it.
type bss struct {
	bssid  net.HardwareAddr // the access point's (NL80211_BSS_BSSID)
	ssid   []byte           // as it was sent; nil when hidden
	signal int32            // of the last beacon, in hundredths of a dBm; 0 when unknown
}

// associated finds the network that the interface is associated with among those
// that were scanned (NL80211_CMD_GET_SCAN): nil if there is none.
func associated(msgs []genetlink.Message) (*bss, error) {
	for _, m := range msgs {
		ad, err := netlink.NewAttributeDecoder(m.Data)
		if err != nil {
			return nil, err
		}

		var (
			b  bss
			is bool
		)
		for ad.Next() {
			if ad.Type() == unix.NL80211_ATTR_BSS {
				ad.Nested(func(nad *netlink.AttributeDecoder) error {
					is = b.decode(nad)
					return nil
				})
			}
		}
		if err := ad.Err(); err != nil {
			return nil, err
		}
		if is {
			return &b, nil
		}
	}

	return nil, nil
}

// decode reads the attributes of a BSS, and reports whether the interface is
// associated with it: of all that were scanned only the one in use has a status.
func (b *bss) decode(ad *netlink.AttributeDecoder) (associated bool) {
	for ad.Next() {
		switch ad.Type() {
		case unix.NL80211_BSS_STATUS:
			associated = ad.Uint32() == unix.NL80211_BSS_STATUS_ASSOCIATED
		case unix.NL80211_BSS_BSSID:
			b.bssid = ad.Bytes()
		case unix.NL80211_BSS_SIGNAL_MBM:
			b.signal = ad.Int32()
		case unix.NL80211_BSS_INFORMATION_ELEMENTS:
			b.ssid = parseSSID(ad.Bytes())
		}
	}

	return associated
}

// maxSSID is the longest SSID in bytes (IEEE 802.11, 9.4.2.2).
const maxSSID = 32

// parseSSID finds the SSID among the information elements of a beacon: triples
// of an id, a length and that many bytes, sent by anyone within reach. It is nil
// when there is none, when it is hidden, and from where an element is malformed.
func parseSSID(ies []byte) []byte {
	const ssid = 0

	for len(ies) >= 2 {
		id, n := ies[0], int(ies[1])
		if len(ies) < 2+n {
			return nil
		}
		if id == ssid {
			if n == 0 || n > maxSSID {
				return nil
			}
			return ies[2 : 2+n]
		}
		ies = ies[2+n:]
	}

	return nil
}
