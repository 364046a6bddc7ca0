package owner

import (
	"encoding/hex"
	"net"
	"slices"
	"strings"
)

// parseDUID reads a DUID as dhcpcd keeps it: bytes in hexadecimal with colons.
func parseDUID(text string) []byte {
	id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	if err != nil || len(id) < 3 || len(id) > 128 {
		return nil
	}
	return id
}

// rfc4361 is the client identifier of an interface with a DUID: its IAID are the last bytes
// of its hardware address, with dhclient -i and, unless its configuration has another one,
// with dhcpcd.
func rfc4361(mac, duid []byte) []byte {
	if len(mac) < 4 || len(duid) == 0 {
		return nil
	}
	return slices.Concat([]byte{255}, mac[len(mac)-4:], duid)
}

// byHardware is the client identifier that is a hardware address (RFC 2132 section 9.14).
func byHardware(mac net.HardwareAddr) []byte { return append([]byte{1}, mac...) }
