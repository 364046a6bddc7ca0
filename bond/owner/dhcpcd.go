package owner

import (
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/lease"
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

// dhcpcdFolder has dhcpcd's leases and its DUID.
const dhcpcdFolder = "/var/lib/dhcpcd"

// ofDhcpcd is what dhcpcd says on an interface, and what it was lent.
func (c Client) ofDhcpcd(said call, name string, mac net.HardwareAddr) (who lease.Identity, had *lease.Lease) {
	conf := parseDhcpcdConf(firstText(c.file(said, "", "/etc/dhcpcd.conf", "-f")), name)
	switch duid := parseDUID(firstText(dhcpcdFolder+"/duid", "/etc/dhcpcd.duid")); {
	case conf.duid:
		who.ClientID = rfc4361(conf.iaidOr(mac), duid)
	case conf.clientID && conf.id == "":
		who.ClientID = byHardware(mac)
	case conf.clientID:
		who.ClientID = conf.named()
	}
	if who.Hostname = conf.hostname; conf.ownName {
		who.Hostname = machineName()
	}
	return who, dhcpcdLease(dhcpcdFolder, name)
}

// dhcpcdLease reads the newest lease of an interface: the server's answer as it was. Over
// Wi-Fi the file has the SSID in its name.
func dhcpcdLease(folder, name string) (had *lease.Lease) {
	radio, _ := filepath.Glob(filepath.Join(folder, name+"-*.lease"))
	var newest time.Time
	for _, path := range append(radio, filepath.Join(folder, name+".lease"), filepath.Join(folder, "dhcpcd-"+name+".lease")) {
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Before(newest) {
			continue
		}
		ack, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if l, err := dhcp.ReadLease(ack, info.ModTime()); err == nil {
			had, newest = &l, info.ModTime()
		}
	}
	return had
}

// dhcpcdOwner is whose process a dhcpcd is: it gives up root's rights, but for a helper that
// keeps them, and nobody else can start one of those.
func dhcpcdOwner(r running, all []running) int {
	i := slices.IndexFunc(all, func(h running) bool {
		return h.program == Dhcpcd && h.parent == r.PID && h.uid == 0 && strings.HasPrefix(h.args[0], dhcpcdTitle+"[privileged ")
	})
	if i >= 0 {
		return 0
	}
	return r.uid
}

// dhcpcdPIDFile is where a dhcpcd writes its number.
func dhcpcdPIDFile(said call) string {
	if len(said.interfaces) != 1 {
		return "/run/dhcpcd/pid"
	}
	name := said.interfaces[0]
	for _, family := range []string{"-4", "-6"} {
		if _, ok := said.options[family]; ok {
			name += family
		}
	}
	return "/run/dhcpcd/" + name + ".pid"
}
