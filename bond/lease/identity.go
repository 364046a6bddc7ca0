package lease

import (
	"net"
	"slices"
	"strings"
)

// An Identity is what servers know a client by. Whoever asks with the same one gets the
// same address.
type Identity struct {
	// ClientID is option 61, its type included; nil where none is sent.
	ClientID []byte `json:"client_id"`
	// Hostname is option 12; "" where none is sent.
	Hostname string `json:"hostname"`
	// HardwareAddr is chaddr, by which servers go where there is no ClientID; nil for the
	// interface's own.
	HardwareAddr net.HardwareAddr `json:"hardware_addr,omitempty"`
}

// Equal says whether servers can't tell two identities apart.
func (i Identity) Equal(o Identity) bool {
	return slices.Equal(i.ClientID, o.ClientID) && i.Hostname == o.Hostname && slices.Equal(i.HardwareAddr, o.HardwareAddr)
}

// IsHostName checks a name by RFC 1123 section 2.1: only one that may be a host's is taken
// from a server, or told to one.
func IsHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}) {
			return false
		}
	}
	return true
}
