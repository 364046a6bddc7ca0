package dhcp

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond/lease"
)

// NewClientID is an identifier as in RFC 4361, for [Client.ID]: the same each
// time for the same seed and interface, and with nothing in it that reveals
// them. The seed is the machine's, such as /etc/machine-id.
func NewClientID(seed []byte, iface string) []byte {
	const (
		rfc4361  = 255
		duidUUID = 4 // RFC 6355
	)
	machine := sha256.Sum256(append([]byte("bondctl dhcp "), seed...))
	port := sha256.Sum256([]byte(iface))
	id := append([]byte{rfc4361}, port[:4]...) // the IAID
	id = binary.BigEndian.AppendUint16(id, duidUUID)
	return append(id, machine[:16]...)
}

// notNames are what a machine is called that has no name: by the kernel until somebody
// gives it one, and by /etc/hosts for every machine.
var notNames = []string{"(none)", "localhost", "localhost4", "localhost6"}

// hostName is what a server is told of a machine's name: its first label, for what
// the domain is called is the network's to say. It is "" for a name that is none, and
// for one that can't be a host's (RFC 1123 section 2.1): servers put it into DNS.
func hostName(name string) string {
	label, _, _ := strings.Cut(name, ".")
	_, err := netip.ParseAddr(name)
	if err == nil || slices.Contains(notNames, strings.ToLower(label)) || !lease.IsHostName(label) {
		return ""
	}
	return label
}
