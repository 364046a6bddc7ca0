package wlan

import (
	"errors"
	"fmt"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// errNoPowerSave says that an answer tells nothing of power saving.
var errNoPowerSave = errors.New("the answer doesn't tell")

// PowerSave says whether an interface, by its ifindex, sleeps between beacons
// (NL80211_CMD_GET_POWER_SAVE). The error is unix.EOPNOTSUPP where the driver
// can't do that, and unix.ENODEV where there is no such interface.
func (c *Client) PowerSave(ifindex int) (bool, error) {
	ae := netlink.NewAttributeEncoder()
	ae.Uint32(unix.NL80211_ATTR_IFINDEX, uint32(ifindex))
	data, err := ae.Encode()
	if err != nil {
		return false, err
	}
	msgs, err := c.conn.Execute(genetlink.Message{
		Header: genetlink.Header{Command: unix.NL80211_CMD_GET_POWER_SAVE, Version: c.family.Version},
		Data:   data,
	}, c.family.ID, netlink.Request)
	if err != nil {
		return false, fmt.Errorf("read power saving of wi-fi interface %d: %w", ifindex, err)
	}

	return powerSave(msgs)
}

// powerSave finds NL80211_ATTR_PS_STATE in the answer.
func powerSave(msgs []genetlink.Message) (bool, error) {
	for _, m := range msgs {
		ad, err := netlink.NewAttributeDecoder(m.Data)
		if err != nil {
			return false, err
		}
		for ad.Next() {
			if ad.Type() == unix.NL80211_ATTR_PS_STATE {
				on := ad.Uint32() == unix.NL80211_PS_ENABLED
				return on, ad.Err()
			}
		}
		if err := ad.Err(); err != nil {
			return false, err
		}
	}

	return false, errNoPowerSave
}
