package owner

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/bondctl/bondctl/bond/dhcp"
	"github.com/bondctl/bondctl/bond/lease"
)

// dhclientLeases are what a dhclient.leases(5) says.
type dhclientLeases struct {
	duid   []byte                 // default-duid
	leases map[string]lease.Lease // by interface, the last of each
	ids    map[string][]byte      // the client identifiers of those, where servers repeated them
}

// parseDhclientLeases reads a dhclient.leases(5). Leases that can't be used are left out.
func parseDhclientLeases(text string) (dhclientLeases, error) {
	d := dhclientLeases{leases: map[string]lease.Lease{}, ids: map[string][]byte{}}
	all, err := parseISC(text)
	if err != nil {
		return d, err
	}
	for _, s := range all {
		switch {
		case s.is("default-duid") && len(s.words) == 2:
			d.duid, _ = bytesOf(s.words[1:])
		case s.is("lease") && len(s.words) == 1:
			name, l, id, err := readDhclientLease(s.block)
			if err != nil {
				continue
			}
			d.leases[name], d.ids[name] = l, id
		}
	}
	return d, nil
}

// readDhclientLease reads a lease{}. It makes a server's answer of it, and reads that.
func readDhclientLease(block []statement) (name string, l lease.Lease, id []byte, err error) {
	m := &dhcpv4.DHCPv4{OpCode: dhcpv4.OpcodeBootReply, Options: dhcpv4.OptionsFromList(dhcpv4.OptMessageType(dhcpv4.MessageTypeAck))}
	var expiry time.Time
	for _, s := range block {
		switch {
		case s.is("interface") && len(s.words) == 2:
			name = s.words[1].text
		case s.is("fixed-address") && len(s.words) == 2:
			m.YourIPAddr = net.ParseIP(s.words[1].text).To4()
		case s.is("expire"):
			expiry = iscTime(s.words[1:])
		case s.is("option") && len(s.words) > 2:
			addOption(m, s.words[1].text, s.words[2:])
		}
	}
	length := m.IPAddressLeaseTime(0)
	asked := time.Now()
	if !expiry.IsZero() {
		asked = expiry.Add(-length)
	}
	if l, err = dhcp.ReadLease(m.ToBytes(), asked); err == nil && name == "" {
		err = fmt.Errorf("%w: a lease of no interface", errISC)
	}
	return name, l, m.Options.Get(dhcpv4.OptionClientIdentifier), err
}

// iscTime reads a time, which is in UTC: "5 2026/11/27 01:43:14", or "epoch 1795743794". That
// of "never" is zero.
func iscTime(words []word) time.Time {
	switch {
	case len(words) == 2 && words[0].text == "epoch":
		if n, err := strconv.ParseInt(words[1].text, 10, 64); err == nil {
			return time.Unix(n, 0)
		}
	case len(words) == 3:
		if t, err := time.Parse("2006/01/02 15:04:05", words[1].text+" "+words[2].text); err == nil {
			return t
		}
	}
	return time.Time{}
}

// dhclientOptions are the options by the names that dhclient has for them, and how their
// values are written.
var dhclientOptions = map[string]struct {
	code dhcpv4.OptionCode
	read func([]word) []byte
}{
	"subnet-mask":                     {dhcpv4.OptionSubnetMask, addresses},
	"routers":                         {dhcpv4.OptionRouter, addresses},
	"domain-name-servers":             {dhcpv4.OptionDomainNameServer, addresses},
	"dhcp-server-identifier":          {dhcpv4.OptionServerIdentifier, addresses},
	"dhcp-lease-time":                 {dhcpv4.OptionIPAddressLeaseTime, number(4)},
	"dhcp-renewal-time":               {dhcpv4.OptionRenewTimeValue, number(4)},
	"dhcp-rebinding-time":             {dhcpv4.OptionRebindingTimeValue, number(4)},
	"interface-mtu":                   {dhcpv4.OptionInterfaceMTU, number(2)},
	"domain-name":                     {dhcpv4.OptionDomainName, octets},
	"domain-search":                   {dhcpv4.OptionDNSDomainSearchList, domains},
	"dhcp-client-identifier":          {dhcpv4.OptionClientIdentifier, octets},
	"rfc3442-classless-static-routes": {dhcpv4.OptionClasslessStaticRoute, decimals},
	"classless-static-routes":         {dhcpv4.OptionClasslessStaticRoute, decimals},
	"unknown-119":                     {dhcpv4.OptionDNSDomainSearchList, octets},
	"unknown-121":                     {dhcpv4.OptionClasslessStaticRoute, octets},
}

func addOption(m *dhcpv4.DHCPv4, name string, words []word) {
	o, known := dhclientOptions[name]
	if !known {
		return
	}
	if value := o.read(words); len(value) > 0 && len(value) < 256 {
		m.UpdateOption(dhcpv4.OptGeneric(o.code, value))
	}
}

// listed are the items of a list with commas.
func listed(words []word) []word {
	return slices.DeleteFunc(slices.Clone(words), func(w word) bool { return w.text == "," && !w.quoted })
}

func addresses(words []word) (value []byte) {
	for _, w := range listed(words) {
		if a, err := netip.ParseAddr(w.text); err == nil && a.Is4() {
			value = append(value, a.AsSlice()...)
		}
	}
	return value
}

func number(size int) func([]word) []byte {
	return func(words []word) []byte {
		if len(words) != 1 {
			return nil
		}
		n, err := strconv.ParseUint(words[0].text, 10, 8*size)
		if err != nil {
			return nil
		}
		return binary.BigEndian.AppendUint64(nil, n)[8-size:]
	}
}

func octets(words []word) []byte {
	value, _ := bytesOf(words)
	return value
}

func decimals(words []word) (value []byte) {
	for _, w := range listed(words) {
		n, err := strconv.ParseUint(w.text, 10, 8)
		if err != nil {
			return nil
		}
		value = append(value, byte(n))
	}
	return value
}

func domains(words []word) []byte {
	var names rfc1035label.Labels
	for _, w := range listed(words) {
		names.Labels = append(names.Labels, strings.TrimSuffix(w.text, "."))
	}
	if slices.ContainsFunc(names.Labels, func(name string) bool { return !lease.IsHostName(name) }) {
		return nil
	}
	return names.ToBytes()
}

// A dhclientConf is what a dhclient.conf(5) has dhclient say on an interface.
type dhclientConf struct {
	clientID []byte // nil for none
	byMAC    bool   // the client identifier is the hardware address
	hostname string
	ownName  bool // the host name is the machine's
}

// parseDhclientConf reads a dhclient.conf(5) for an interface. An expression that isn't
// known is as good as none.
func parseDhclientConf(text, iface string) (dhclientConf, error) {
	all, err := parseISC(text)
	if err != nil {
		return dhclientConf{}, err
	}
	var c dhclientConf
	c.read(all)
	for _, s := range all {
		if s.is("interface") && len(s.words) == 2 && s.words[1].text == iface {
			c.read(s.block)
		}
	}
	return c, nil
}

func (c *dhclientConf) read(all []statement) {
	for _, s := range all {
		if !s.is("send") || len(s.words) < 3 {
			continue
		}
		value := s.words[2:]
		if value[0].text == "=" && !value[0].quoted {
			value = value[1:]
		}
		switch s.words[1].text {
		case "dhcp-client-identifier":
			c.byMAC = len(value) == 1 && value[0] == word{text: "hardware"}
			c.clientID, _ = bytesOf(value)
		case "host-name", "fqdn.fqdn":
			c.ownName = slices.Contains(value, word{text: "gethostname"})
			if c.hostname = ""; len(value) == 1 && value[0].quoted {
				c.hostname = value[0].text
			}
		}
	}
}

// ofDhclient is what dhclient says on an interface, and what it was lent.
func (c Client) ofDhclient(said call, name string, mac net.HardwareAddr) (who lease.Identity, had *lease.Lease) {
	known, _ := parseDhclientLeases(firstText(c.leaseFiles(said)...))
	conf, _ := parseDhclientConf(firstText(c.file(said, "PATH_DHCLIENT_CONF", "/etc/dhcp/dhclient.conf", "-cf"), c.file(said, "", "/etc/dhclient.conf", "-cf")), name)
	who.Hostname, _ = said.option("-H")
	switch id, named := said.option("-C"); {
	case known.ids[name] != nil:
		who.ClientID = known.ids[name]
	case named:
		who.ClientID = []byte(id)
	case conf.byMAC:
		who.ClientID = byHardware(mac)
	case conf.clientID != nil:
		who.ClientID = conf.clientID
	default:
		if _, duid := said.option("-i"); duid {
			if known.duid == nil {
				second, _ := parseDhclientLeases(firstText(c.file(said, "", "", "-df")))
				known.duid = second.duid
			}
			who.ClientID = rfc4361(mac, known.duid)
		}
	}
	switch {
	case who.Hostname != "":
	case conf.ownName:
		who.Hostname = machineName()
	default:
		who.Hostname = conf.hostname
	}
	if l, ok := known.leases[name]; ok {
		had = &l
	}
	return who, had
}

func (c Client) leaseFiles(said call) []string {
	return []string{
		c.file(said, "PATH_DHCLIENT_DB", "/var/lib/dhcp/dhclient.leases", "-lf"),
		c.file(said, "", "/var/lib/dhclient/dhclient.leases", "-lf"),
	}
}
