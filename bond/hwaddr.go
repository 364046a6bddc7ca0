package bond

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
)

// HardwareAddr is a MAC address. In JSON it is text.
type HardwareAddr net.HardwareAddr

func (a HardwareAddr) String() string { return net.HardwareAddr(a).String() }

// MarshalJSON writes the address as colon-separated hexadecimal bytes, and none as null.
func (a HardwareAddr) MarshalJSON() ([]byte, error) {
	if a == nil {
		return []byte("null"), nil
	}
	return json.Marshal(a.String())
}

// UnmarshalText reads the address that MarshalJSON wrote; null leaves it as it is.
func (a *HardwareAddr) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = nil
		return nil
	}
	mac, err := net.ParseMAC(string(text))
	*a = HardwareAddr(mac)
	return err
}

func setMAC(into any, text string) (err error) {
	c := into.(*Config)
	c.MAC, c.MACStable = nil, text == "stable"
	if c.MACStable {
		return nil
	}
	if c.MAC, err = parseMAC(text); err != nil {
		return fmt.Errorf("%w, or stable", err)
	}
	return nil
}

func getMAC(from any) any {
	if from.(*Config).MACStable {
		return "stable"
	}
	return written(from.(*Config).MAC)
}

// parseMAC reads an interface's address.
func parseMAC(text string) (HardwareAddr, error) {
	mac, err := net.ParseMAC(text)
	switch {
	case err != nil || len(mac) != 6:
		return nil, fmt.Errorf("%q is not a MAC address; write one such as 02:00:5e:10:00:01", text)
	case mac[0]&1 != 0:
		return nil, fmt.Errorf("%s is a multicast address, no interface's; write one such as 02:00:5e:10:00:01", mac)
	case slices.Equal(mac, make(net.HardwareAddr, 6)):
		return nil, fmt.Errorf("%s is no interface's address; write one such as 02:00:5e:10:00:01", mac)
	}
	return HardwareAddr(mac), nil
}
