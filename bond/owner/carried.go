package owner

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/lease"
)

// carried are the IPv4 addresses of an interface.
func carried(name string) []rtnl.Addr {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	c, err := rtnl.Dial()
	if err != nil {
		return nil
	}
	defer c.Close()
	addrs, err := c.Addrs()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(addrs, func(a rtnl.Addr) bool { return a.Link != link.Index || !a.Prefix.Addr().Is4() })
}

// carries says whether an interface has a lease's address: what is written down may be of
// another day.
func carries(name string, l *lease.Lease) bool {
	return slices.ContainsFunc(carried(name), func(a rtnl.Addr) bool { return a.Prefix.Addr() == l.Address.Addr() })
}

// guessedTime is how long a lease is taken to go on of which nobody knows when it ends. It
// is asked for anew at once.
const guessedTime = time.Hour

// guessed is the lease of an interface whose client has none written down: its address and
// its default route are of it, unless there are several. Where ends is set, the client tells
// the kernel when an address ends, so one that doesn't isn't lent.
func guessed(name string, ends bool) *lease.Lease {
	addrs := slices.DeleteFunc(carried(name), func(a rtnl.Addr) bool {
		return a.Prefix.Addr().IsLinkLocalUnicast() || ends && a.Valid == rtnl.Forever
	})
	if len(addrs) != 1 {
		return nil
	}
	left := guessedTime
	if addrs[0].Valid != rtnl.Forever {
		left = time.Duration(addrs[0].Valid) * time.Second
	}
	now := time.Now()
	l := lease.Lease{Address: addrs[0].Prefix, Obtained: now, T1: now.Add(left / 2), T2: now.Add(left * 7 / 8), Expiry: now.Add(left)}
	text, _ := os.ReadFile("/proc/thread-self/net/route")
	if gateway := defaultGateway(string(text), name); gateway.IsValid() {
		l.Routes = []lease.Route{{Destination: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: gateway}}
	}
	return &l
}

// defaultGateway finds an interface's in /proc/net/route (proc_pid_net(5)), where addresses
// are hexadecimal numbers of the machine's own byte order; the zero Addr for none.
func defaultGateway(text, iface string) netip.Addr {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 || f[0] != iface || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		n, err := strconv.ParseUint(f[2], 16, 32)
		if err == nil && n != 0 {
			return netip.AddrFrom4([4]byte(binary.NativeEndian.AppendUint32(nil, uint32(n))))
		}
	}
	return netip.Addr{}
}

// others are the interfaces beside the ones asked for that a client has had addresses lent
// for, and that carry them.
func (c Client) others(said call, interfaces []string) (names []string) {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, link := range all {
		switch {
		case slices.Contains(interfaces, link.Name):
		case slices.Contains(said.interfaces, link.Name):
			names = append(names, link.Name)
		case len(said.interfaces) == 0 && c.link(said, link.Name).Lease != nil:
			names = append(names, link.Name)
		}
	}
	return names
}

// Carried is a lease as the interface carries it: where the kernel knows when the address
// ends, that is when the lease does. It is nil where the interface has no such address, or the
// lease has expired.
func Carried(name string, l lease.Lease) *lease.Lease {
	for _, a := range carried(name) {
		if a.Prefix.Addr() != l.Address.Addr() {
			continue
		}
		if a.Valid != rtnl.Forever {
			l = l.EndingAt(time.Now().Add(time.Duration(a.Valid) * time.Second))
		}
		if time.Now().Before(l.Expiry) {
			return &l
		}
	}
	return nil
}
