package dhcp

import (
	"crypto/sha256"
	"encoding/binary"
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
