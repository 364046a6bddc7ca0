package bond

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/bondctl/bondctl/bond/lease"
)

// A ClientID is what DHCP servers know a client by: option 61, the first byte of which is
// its type. An empty one is none: servers go by MAC address then. Its text is that of its
// bytes in hexadecimal, with colons, or "none".
type ClientID []byte

func (id ClientID) String() string {
	if len(id) == 0 {
		return "none"
	}
	parts := make([]string, len(id))
	for i, b := range id {
		parts[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(parts, ":")
}

// MarshalText writes the identifier as String does.
func (id ClientID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ClientID) UnmarshalText(text []byte) (err error) {
	*id, err = parseClientID(string(text))
	return err
}

// parseClientID reads an identifier of two bytes at least (RFC 2132 section 9.14).
func parseClientID(text string) (ClientID, error) {
	if text == "none" {
		return ClientID{}, nil
	}
	var id ClientID
	for part := range strings.SplitSeq(text, ":") {
		b, err := hex.DecodeString(part)
		if err != nil || len(b) != 1 {
			return nil, fmt.Errorf("%q is no client identifier; write its bytes in hexadecimal, such as 01:02:00:5e:10:00:01, or none", text)
		}
		id = append(id, b[0])
	}
	if len(id) < 2 || len(id) > 255 {
		return nil, fmt.Errorf("%q has %d bytes; a client identifier has 2 to 255, the first of which is its type", text, len(id))
	}
	return id, nil
}

// parseHostname reads a name that servers put into DNS; "" is none.
func parseHostname(text string) (string, error) {
	if _, err := netip.ParseAddr(text); text != "" && (err == nil || !lease.IsHostName(text)) {
		return "", fmt.Errorf("%q is no host name; it takes letters, digits, hyphens and dots, or nothing", text)
	}
	return text, nil
}

// Identity is what DHCP servers are to know the bond by: what is named and, where it
// isn't, what is so by default.
func (c Config) Identity(otherwise lease.Identity) lease.Identity {
	if c.Hostname != nil {
		otherwise.Hostname = *c.Hostname
	}
	if c.ClientID != nil {
		otherwise.ClientID, otherwise.HardwareAddr = nil, nil
		if len(*c.ClientID) > 0 {
			otherwise.ClientID = *c.ClientID
		}
	}
	return otherwise
}
