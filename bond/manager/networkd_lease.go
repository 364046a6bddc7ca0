package manager

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
	"github.com/bondctl/bondctl/bond/owner"
)

// networkdLease is who networkd's DHCP client is on a link, and what it was lent.
func networkdLease(link net.Interface, network string) (who lease.Identity, had *lease.Lease, err error) {
	text, err := readFile(filepath.Join(root, "run/systemd/netif/leases", strconv.Itoa(link.Index)))
	if errors.Is(err, fs.ErrNotExist) {
		return who, nil, nil // it has none running
	}
	if err != nil {
		return who, nil, err
	}
	l, who, err := parseNetworkdLease(string(text))
	if err != nil {
		return who, nil, err
	}
	if who.ClientID == nil {
		who.HardwareAddr = link.HardwareAddr
	}
	who.Hostname = networkdHostname(network)
	return who, owner.Carried(link.Name, l), nil
}

var errNoLease = errors.New("it has no address with its netmask and lifetime")

// parseNetworkdLease reads a file below /run/systemd/netif/leases, as dhcp_lease_save of
// systemd writes it. It doesn't say when the lease was obtained: that is now.
func parseNetworkdLease(text string) (l lease.Lease, who lease.Identity, err error) {
	values := parseAssignments(text)
	address, err := netip.ParseAddr(values["ADDRESS"])
	mask := net.IPMask(net.ParseIP(values["NETMASK"]).To4())
	bits, size := mask.Size()
	lifetime := seconds(values["LIFETIME"])
	if err != nil || !address.Is4() || size != 32 || lifetime == 0 {
		return l, who, errNoLease
	}
	l.Address = netip.PrefixFrom(address, bits)
	l.Server, _ = netip.ParseAddr(values["SERVER_ADDRESS"])
	l.Routes = networkdRoutes(values)
	for word := range strings.FieldsSeq(values["DNS"]) {
		if a, err := netip.ParseAddr(word); err == nil {
			l.DNS = append(l.DNS, a)
		}
	}
	domains := strings.Fields(values["DOMAIN_SEARCH_LIST"])
	if len(domains) == 0 {
		domains = strings.Fields(values["DOMAINNAME"])
	}
	for _, name := range domains {
		if name = strings.TrimSuffix(name, "."); lease.IsHostName(name) {
			l.Domains = append(l.Domains, name)
		}
	}
	if mtu, err := strconv.ParseUint(values["MTU"], 10, 16); err == nil {
		l.MTU = int(mtu)
	}
	l.Obtained = time.Now()
	l.T1, l.T2, l.Expiry = l.Obtained.Add(seconds(values["T1"])), l.Obtained.Add(seconds(values["T2"])), l.Obtained.Add(lifetime)
	if l.T1.After(l.T2) || l.T2.After(l.Expiry) || l.T1.Equal(l.Obtained) {
		l.T1, l.T2 = l.Obtained.Add(lifetime/2), l.Obtained.Add(lifetime*7/8) // RFC 2131 section 4.4.5
	}
	if id, err := hex.DecodeString(values["CLIENTID"]); err == nil && len(id) > 1 && len(id) < 256 {
		who.ClientID = id
	}
	return l, who, nil
}

func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// networkdRoutes are those of option 121 or, without it, the one by the first router.
func networkdRoutes(values map[string]string) (routes []lease.Route) {
	for word := range strings.FieldsSeq(values["CLASSLESS_ROUTES"]) {
		to, by, _ := strings.Cut(word, ",")
		destination, err := netip.ParsePrefix(to)
		gateway, failed := netip.ParseAddr(by)
		if err != nil || failed != nil || !destination.Addr().Is4() || !gateway.Is4() {
			continue
		}
		if gateway.IsUnspecified() {
			gateway = netip.Addr{}
		}
		routes = append(routes, lease.Route{Destination: destination.Masked(), Gateway: gateway})
	}
	if routes != nil {
		return routes
	}
	for word := range strings.FieldsSeq(values["ROUTER"]) {
		if router, err := netip.ParseAddr(word); err == nil && router.Is4() {
			return []lease.Route{{Destination: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: router}}
		}
	}
	return nil
}

// networkdHostname is the name that networkd tells servers by a .network file, with what is
// dropped in: the machine's, unless it is told another one or none.
func networkdHostname(network string) string {
	send, name := "yes", ""
	files := []string{filepath.Join(root, network)}
	for _, dir := range []string{"usr/lib", "run", "etc"} {
		more, _ := filepath.Glob(filepath.Join(root, dir, "systemd/network", filepath.Base(network)+".d", "*.conf"))
		files = append(files, more...)
	}
	for _, file := range files {
		text, err := readFile(file)
		if err != nil {
			continue
		}
		for key, value := range dhcpSettings(string(text)) {
			switch key {
			case "SendHostname":
				send = value
			case "Hostname":
				name = value
			}
		}
	}
	if slices.Contains([]string{"no", "n", "false", "f", "off", "0"}, strings.ToLower(send)) {
		return ""
	}
	if name == "" {
		name, _ = os.Hostname()
	}
	if name == "localhost" || !lease.IsHostName(name) {
		return ""
	}
	return name
}

// dhcpSettings are those of the section on DHCPv4 in a .network file (systemd.network(5)).
func dhcpSettings(text string) map[string]string {
	values, section := map[string]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch key, value, ok := strings.Cut(line, "="); {
		case strings.HasPrefix(line, "["):
			section = line
		case ok && (section == "[DHCPv4]" || section == "[DHCP]"):
			values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return values
}
