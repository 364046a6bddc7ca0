package owner

import (
	"cmp"
	"encoding/hex"
	"net"
	"strings"

	"github.com/bondctl/bondctl/bond/lease"
)

// ofUdhcpc is what udhcpc says.
func ofUdhcpc(said call, mac net.HardwareAddr) (who lease.Identity) {
	if _, none := said.option("C"); !none {
		who.ClientID = byHardware(mac)
	}
	if id, named := said.option("c"); named {
		who.ClientID = []byte(id)
	}
	name, _ := said.option("F")
	other, _ := said.option("H", "h")
	who.Hostname = cmp.Or(name, other)
	for _, extra := range said.extra {
		switch key, value, _ := strings.Cut(extra, ":"); key {
		case "hostname", "12", "0x0c", "0xc":
			who.Hostname = strings.Trim(cmp.Or(who.Hostname, value), `"`)
		case "61", "0x3d", "0x3D", "clientid":
			if id := hexID(value); id != nil {
				who.ClientID = id
			}
		}
	}
	return who
}

// hexID reads the bytes that udhcpc's -x takes: in hexadecimal, or a text in quotes.
func hexID(text string) []byte {
	if quoted := strings.Trim(text, `"`); len(quoted) == len(text)-2 {
		return []byte(quoted)
	}
	id, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(id) == 0 {
		return nil
	}
	return id
}
