package manager

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/lease"
)

// leaseOfOptions reads a lease from DHCP options by the names that NetworkManager gives them,
// and whom the server knows. The lease is nil where that isn't all there. The server is asked
// about it at once, so what only its answer says is left out.
func leaseOfOptions(option func(name string) string, now time.Time) (*lease.Lease, lease.Identity) {
	id := lease.Identity{ClientID: colonBytes(option("dhcp_client_identifier"))}
	address, err := netip.ParseAddr(option("ip_address"))
	bits, ok := maskBits(option("subnet_mask"))
	expiry, expiryErr := strconv.ParseInt(option("expiry"), 10, 64)
	if err != nil || !address.Is4() || !ok || expiryErr != nil {
		return nil, id
	}
	l := lease.Lease{Address: netip.PrefixFrom(address, bits), Expiry: time.Unix(expiry, 0)}
	left := l.Expiry.Sub(now)
	if left <= 0 {
		return nil, id
	}
	l.Obtained, l.T1, l.T2 = now, now.Add(left/2), now.Add(left*7/8)
	l.Server, _ = netip.ParseAddr(option("dhcp_server_identifier"))
	l.DNS = addresses(option("domain_name_servers"))
	if routers := addresses(option("routers")); len(routers) > 0 {
		l.Routes = []lease.Route{{Destination: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: routers[0]}}
	}
	for name := range strings.FieldsSeq(option("domain_name")) {
		if lease.IsHostName(name) {
			l.Domains = append(l.Domains, name)
		}
	}
	return &l, id
}

// addresses are the IPv4 addresses of a list.
func addresses(list string) (all []netip.Addr) {
	for word := range strings.FieldsSeq(list) {
		if a, err := netip.ParseAddr(word); err == nil && a.Is4() {
			all = append(all, a)
		}
	}
	return all
}

// maskBits is the length of a mask such as 255.255.255.0.
func maskBits(text string) (bits int, ok bool) {
	mask, err := netip.ParseAddr(text)
	if err != nil || !mask.Is4() {
		return 0, false
	}
	var n uint32
	for _, b := range mask.As4() {
		n = n<<8 | uint32(b)
	}
	for ; n&(1<<31) != 0; n <<= 1 {
		bits++
	}
	return bits, n == 0
}

// colonBytes reads bytes such as 01:02:0a; nil where it isn't that.
func colonBytes(text string) []byte {
	id, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(id) < 2 {
		return nil
	}
	return id
}
