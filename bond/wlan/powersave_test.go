package wlan

import (
	"testing"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func TestPowerSave(t *testing.T) {
	message := func(kind uint16, state uint32) []genetlink.Message {
		ae := netlink.NewAttributeEncoder()
		ae.Uint32(kind, state)
		data, err := ae.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return []genetlink.Message{{Data: data}}
	}
	for _, tt := range []struct {
		name   string
		answer []genetlink.Message
		on, ok bool
	}{
		{"on", message(unix.NL80211_ATTR_PS_STATE, unix.NL80211_PS_ENABLED), true, true},
		{"off", message(unix.NL80211_ATTR_PS_STATE, unix.NL80211_PS_DISABLED), false, true},
		{"something else", message(unix.NL80211_ATTR_IFINDEX, 1), false, false},
		{"no attributes", []genetlink.Message{{Data: []byte{1}}}, false, false},
		{"too short an attribute", []genetlink.Message{{Data: []byte{6, 0, unix.NL80211_ATTR_PS_STATE, 0, 1, 0, 0, 0}}}, false, false},
		{"nothing", nil, false, false},
	} {
		on, err := powerSave(tt.answer)
		if on != tt.on || (err == nil) != tt.ok {
			t.Errorf("%s: %t, %v", tt.name, on, err)
		}
	}
}
