package bond

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mdlayher/ethtool"

	"github.com/bondctl/bondctl/bond/wlan"
)

// addLinkData adds what ethtool and nl80211 know of the members.
func addLinkData(bonds []Status) error {
	var client *ethtool.Client
	var wireless []*MemberStatus
	for _, st := range bonds {
		for i := range st.Members {
			m := &st.Members[i]
			if m.Index == 0 {
				continue
			}
			if m.wifi {
				wireless = append(wireless, m)
			}
			if client == nil {
				var err error
				if client, err = ethtool.New(); err != nil {
					return fmt.Errorf("open ethtool: %w", err)
				}
				defer client.Close()
			}
			m.addEthtool(client)
		}
	}
	if wireless == nil {
		return nil
	}
	return addWiFi(wireless)
}

// addEthtool adds link, speed and duplex. What a driver doesn't offer stays unknown.
func (m *MemberStatus) addEthtool(c *ethtool.Client) {
	iface := ethtool.Interface{Index: m.Index}
	// A driver without link detection answers "no link": then the carrier of
	// sysfs holds.
	if state, err := c.LinkState(iface); err == nil && state.Link {
		m.Carrier = new(true)
	}
	mode, err := c.LinkMode(iface)
	if err != nil {
		return
	}
	if mode.SpeedMegabits > 0 && mode.SpeedMegabits < unknownSpeed {
		m.Speed = new(mode.SpeedMegabits)
	}
	switch mode.Duplex {
	case ethtool.Full:
		m.Duplex = new("full")
	case ethtool.Half:
		m.Duplex = new("half")
	}
}

// unknownSpeed is SPEED_UNKNOWN (-1) as ethtool's netlink sends it, unsigned.
const unknownSpeed = 1<<32 - 1

// addWiFi adds what nl80211 knows. A kernel without it has no Wi-Fi.
func addWiFi(members []*MemberStatus) error {
	c, err := wlan.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	stations, err := c.Stations()
	if err != nil {
		return err
	}
	for _, m := range members {
		if station, ok := stations[m.Name]; ok && len(station.SSID) > 0 {
			m.WiFi = &WiFiStatus{
				SSID:    strings.ToValidUTF8(string(station.SSID), "\ufffd"),
				SSIDHex: hex.EncodeToString(station.SSID),
				Signal:  station.Signal, Bitrate: station.Bitrate,
			}
		}
	}
	return nil
}
