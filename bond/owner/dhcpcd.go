package owner

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// A dhcpcdConf is what a dhcpcd.conf(5) has dhcpcd say on an interface.
type dhcpcdConf struct {
	duid     bool
	clientID bool
	id       string // what clientid names; "" for the hardware address
	iaid     string
	hostname string
	ownName  bool // the host name is the machine's
}

// parseDhcpcdConf reads a dhcpcd.conf(5) for an interface. What is said of an SSID, a
// profile or an architecture is left out.
func parseDhcpcdConf(text, iface string) dhcpcdConf {
	var c dhcpcdConf
	applies := true
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch key {
		case "interface":
			applies = value == iface
			continue
		case "ssid", "profile", "arch":
			applies = false
			continue
		}
		if applies {
			c.set(key, value)
		}
	}
	return c
}

func (c *dhcpcdConf) set(key, value string) {
	switch key {
	case "duid":
		c.duid, c.clientID = true, false
	case "clientid":
		c.duid, c.clientID, c.id = false, true, value
	case "iaid":
		c.iaid = value
	case "hostname":
		c.hostname, c.ownName = value, value == ""
	}
}

// named is the client identifier that clientid names: bytes in hexadecimal with colons, or
// a text, which has the type 0.
func (c dhcpcdConf) named() []byte {
	if strings.Contains(c.id, ":") {
		if id, ok := bytesOf([]word{{text: c.id}}); ok && len(id) > 1 {
			return id
		}
	}
	return append([]byte{0}, c.id...)
}

// iaidOr is the IAID that is named: a number or four characters. Where none is, it is the
// end of the hardware address.
func (c dhcpcdConf) iaidOr(mac []byte) []byte {
	if n, err := strconv.ParseUint(c.iaid, 10, 32); err == nil {
		return binary.BigEndian.AppendUint32(nil, uint32(n))
	}
	if len(c.iaid) == 4 {
		return []byte(c.iaid)
	}
	return mac
}
