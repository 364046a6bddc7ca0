package bond

import (
	"path"
	"slices"
	"strings"
)

// A Member is an interface that is wanted in the bond, present or not. With a Name
// alone it is the interface called so. With a pattern, or with other fields, it is
// each piece of hardware that matches all of them.
type Member struct {
	Name   string       `json:"name,omitempty"`   // or an alternative name; with * a pattern
	Kind   string       `json:"kind,omitempty"`   // KindWired or KindWiFi
	MAC    HardwareAddr `json:"mac,omitempty"`    // the permanent one
	Driver string       `json:"driver,omitempty"` // such as cdc_ether
	Bus    string       `json:"bus,omitempty"`    // such as usb or pci
	// Prio is the slave's failover priority (IFLA_BOND_SLAVE_PRIO); nil
	// takes it from the member's place in the list.
	Prio *int32 `json:"prio,omitempty"`
	// WPAConf is the wpa_supplicant.conf(5) with which the keeper has the
	// member associate or, where it is wired, authenticate at its port
	// (802.1X); "" leaves that to others.
	WPAConf string `json:"wpa_conf,omitempty"`
	// IPv4 and IPv6 are what the member has of its own under StrategyRoutes.
	IPv4 MemberNetwork `json:"ipv4,omitzero"`
	IPv6 MemberNetwork `json:"ipv6,omitzero"`
}

// The kinds of a member.
const (
	KindWired = "wired"
	KindWiFi  = "wifi"
)

// exact says whether the entry names one interface, of whatever kind.
func (m Member) exact() bool {
	return m.Name != "" && !strings.Contains(m.Name, "*") && !m.asksMore()
}

func (m Member) asksMore() bool {
	return m.Kind != "" || m.MAC != nil || m.Driver != "" || m.Bus != ""
}

// String is the interface's name or, of a pattern, what it asks for.
func (m Member) String() string {
	if m.exact() {
		return m.Name
	}
	var asks []string
	for _, a := range [][2]string{{"name", m.Name}, {"kind", m.Kind}, {"mac", m.MAC.String()}, {"driver", m.Driver}, {"bus", m.Bus}} {
		if a[1] != "" {
			asks = append(asks, a[0]+"="+a[1])
		}
	}
	return strings.Join(asks, " ")
}

// takes says whether a link matches the entry. A pattern matches hardware alone: no
// bridge, bond, VLAN, veth or other virtual device, and of Wi-Fi interfaces only
// stations.
func (m Member) takes(l Link) bool {
	if m.exact() {
		return l.isCalled(m.Name)
	}
	return m.mayBeLink(l) && l.Hardware &&
		(m.Kind == "" || (m.Kind == KindWiFi) == l.WiFi) &&
		(m.MAC == nil || m.MAC.String() == l.PermMAC.String()) &&
		(m.Driver == "" || m.Driver == l.Driver) &&
		(m.Bus == "" || m.Bus == l.Bus)
}

// mayBe says whether the entry could match an interface of that name.
func (m Member) mayBe(name string) bool {
	if m.Name == "" {
		return true
	}
	ok, _ := path.Match(m.Name, name)
	return ok
}

// mayBeLink says whether the entry could match a link, by its names alone.
func (m Member) mayBeLink(l Link) bool {
	return m.mayBe(l.Name) || slices.ContainsFunc(l.AltNames, m.mayBe)
}

// mayBeWiFi says whether an entry without a link could match Wi-Fi later. A bare name
// tells by udev's convention alone: names of Wi-Fi begin with wl
// (systemd.net-naming-scheme(7)).
func (m Member) mayBeWiFi() bool {
	switch {
	case m.Kind != "":
		return m.Kind == KindWiFi
	case m.exact() || m.Name != "" && !m.asksMore():
		return strings.HasPrefix(m.Name, "wl") || strings.HasPrefix(m.Name, "*")
	}
	return true
}
