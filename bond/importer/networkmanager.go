package importer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

func isKeyfile(f file) bool {
	return filepath.Ext(f.path) == ".nmconnection" || hasSection(f, "connection")
}

// networkManager reads NetworkManager's connections (nm-settings-keyfile(5)).
func networkManager(files []file) (*found, error) {
	f := &found{spread: true, lastHolds: true, off: moveAway("and have NetworkManager leave the members alone, as bondctl up --take-over --save does")}
	uuids := map[string]string{}
	var list []*connection
	for _, one := range files {
		s, err := sections(one)
		if err != nil {
			return nil, err
		}
		f.files = append(f.files, one.path)
		c := newConnection(one, s)
		if c.master == "" && c.kind == "bond" {
			uuids[c.uuid] = c.name
			uuids[c.id] = c.name
		}
		list = append(list, c)
	}
	for _, c := range list {
		if name := uuids[c.master]; name != "" && c.master != "" {
			c.master = name
		}
		c.add(f)
	}
	return f, nil
}

// A connection is a file of NetworkManager's.
type connection struct {
	file     file
	sections []section
	id, uuid string
	kind     string // bond, ethernet, wifi or another
	name     string // the interface's
	master   string
	nameAt   place
}

// oldNames are those that sections had once.
var oldNames = map[string]string{"802-3-ethernet": "ethernet", "802-11-wireless": "wifi", "802-11-wireless-security": "wifi-security"}

func newConnection(f file, s []section) *connection {
	c := &connection{file: f, sections: s, nameAt: place{file: f.path, first: 1, last: 1}}
	for i := range s {
		if name := oldNames[s[i].name]; name != "" {
			s[i].name = name
		}
		for _, k := range s[i].keys {
			switch s[i].name + "." + k.name {
			case "connection.id":
				c.id = k.entry.Text()
			case "connection.uuid":
				c.uuid = k.value
			case "connection.type":
				c.kind = k.value
				if name := oldNames[k.value]; name != "" {
					c.kind = name
				}
			case "connection.interface-name", "bond.interface-name":
				c.name, c.nameAt = k.entry.Text(), k.at
				c.nameAt.text = ""
			case "connection.master", "connection.controller":
				c.master = k.entry.Text()
			}
		}
	}
	return c
}

// add makes a link of the connection.
func (c *connection) add(f *found) {
	switch c.kind {
	case "bond", "ethernet", "wifi":
	case "", "loopback":
		return
	default:
		f.notes = append(f.notes, c.nameAt.because(fmt.Sprintf("%s is a %s: it stays NetworkManager's", c.id, c.kind)))
		return
	}
	// An interface may have several connections, of which one makes it a member.
	l := &link{name: c.name, at: c.nameAt, lastHolds: true}
	f.links = append(f.links, l)
	l.master, l.wifi = c.master, c.kind == "wifi"
	if c.kind == "bond" {
		l.isBond, l.addressed = true, true
		l.watched = true // miimon is 100 where nothing says otherwise
	}
	c.matched(l)
	isMember := c.master != ""
	for _, s := range c.sections {
		for _, k := range s.keys {
			c.key(l, s.name, k, isMember)
		}
	}
	if _, said := c.find("ipv4", "method"); !said && !isMember {
		l.set("ipv4.method", bond.MethodDHCP, c.nameAt)
	}
}

func (c *connection) find(section, name string) (key, bool) {
	for _, s := range c.sections {
		for _, k := range s.keys {
			if s.name == section && k.name == name {
				return k, true
			}
		}
	}
	return key{}, false
}

// matched notes what a member without a name is found by.
func (c *connection) matched(l *link) {
	if l.name != "" || l.isBond {
		return
	}
	kind := map[bool]string{true: bond.KindWiFi, false: bond.KindWired}[l.wifi]
	if names, ok := c.find("match", "interface-name"); ok {
		// Of several, or of one that is excluded, the kind has to do.
		if patterns := separated(names.value); len(patterns) == 1 && !strings.ContainsAny(patterns[0], "!&|?[") {
			l.name = patterns[0]
		} else {
			l.leave(names.at, "a member is asked for by one name or pattern; write a [[member]] for each")
		}
	}
	if mac, ok := c.find(c.kind, "mac-address"); ok {
		l.asks = append(l.asks, bond.Setting{Key: "member.mac", Value: mac.value})
		return
	}
	l.asks = append(l.asks, bond.Setting{Key: "member.kind", Value: kind})
}

// unneeded are keys that change nothing here.
var unneeded = []string{
	"connection.id", "connection.uuid", "connection.type", "connection.interface-name", "connection.autoconnect", "connection.autoconnect-priority",
	"connection.autoconnect-retries", "connection.timestamp", "connection.permissions", "connection.master", "connection.controller", "connection.slave-type", "connection.port-type",
	"connection.autoconnect-slaves", "connection.autoconnect-ports", "connection.zone", "connection.read-only", "connection.multi-connect", "connection.wait-device-timeout",
	"bond.interface-name", "ipv4.may-fail", "ipv6.may-fail", "ipv6.addr-gen-mode", "ipv4.dad-timeout",
	"ethernet.mac-address", "ethernet.mac-address-blacklist", "ethernet.mac-address-denylist", "wifi.mac-address", "wifi.mode", "wifi.security", "wifi.seen-bssids", "wifi.mac-address-blacklist", "wifi.mac-address-denylist",
	"wifi-security.key-mgmt", "wifi-security.auth-alg", "wifi-security.proto", "wifi-security.psk", "wifi-security.psk-flags",
	"ethernet.auto-negotiate", "match.interface-name",
}

func (c *connection) key(l *link, section string, k key, isMember bool) {
	name := section + "." + k.name
	switch {
	case k.value == "":
	case section == "bond" && k.name != "interface-name":
		if !l.option(k.name, k.entry.Text(), k.at) {
			l.leave(k.at, "there is no such option")
		}
	case section == "ipv4" || section == "ipv6":
		if !isMember && !slices.Contains(unneeded, name) {
			c.address(l, section, k)
		}
	case name == "wifi.ssid":
		l.leave(k.at, fmt.Sprintf("the network %q needs a wpa_supplicant.conf, which wpa_conf names; the key isn't copied", k.entry.Bytes()))
	case section == "802-1x":
		if k.name == "eap" {
			l.leave(k.at, "802.1X needs a wpa_supplicant.conf, which wpa_conf names; the identity and its secrets aren't copied")
		}
	case k.name == "cloned-mac-address":
		c.clonedMAC(l, section, k)
	case k.name == "mtu" && (section == "ethernet" || section == "wifi"):
		if !isMember && k.value != "0" {
			l.set("mtu", k.value, k.at)
		}
	case name == "bond-port.prio":
		l.asks = append(l.asks, bond.Setting{Key: "member.prio", Value: k.value})
	case slices.Contains(unneeded, name) || section == "proxy" || section == "user" || strings.HasPrefix(section, "."):
	default:
		l.leave(k.at, "bondctl's configuration has no such key")
	}
}

func (c *connection) clonedMAC(l *link, section string, k key) {
	switch {
	case section == "wifi":
		l.leave(k.at, "NetworkManager no longer sets it; a supplicant that changes a member's address breaks the bond")
	case k.value == "preserve" || k.value == "permanent":
	case l.isBond && k.value != "random" && k.value != "stable":
		l.set("mac", k.value, k.at)
	case l.isBond && k.value == "stable":
		l.set("mac", "stable", k.at)
		l.remark(k.at, "bondctl's stable is another address than NetworkManager's")
	default:
		l.leave(k.at, "members have the bond's address, or their own")
	}
}
