// Package wlan tells which interfaces are Wi-Fi stations and what they are
// connected to. It asks nl80211, the kernel's Wi-Fi interface on generic netlink,
// and changes nothing. It needs no privilege.
//
//	c, err := wlan.Open()
//	if errors.Is(err, fs.ErrNotExist) {
//		// This kernel has no Wi-Fi.
//	}
//	stations, err := c.Stations()
package wlan
