package bond

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A Lease is what a DHCP server lends the bond for a time (RFC 2131).
type Lease struct {
	Address netip.Prefix `json:"address"`
	Server  netip.Addr   `json:"server"`
	// Routes are the server's: the default route, or those of RFC 3442.
	Routes  []Route      `json:"routes,omitempty"`
	DNS     []netip.Addr `json:"dns,omitempty"`
	Domains []string     `json:"domains,omitempty"` // host names as in RFC 1123
	MTU     int          `json:"mtu,omitempty"`     // in bytes; 0: the server names none
	// From T1 on its server is asked to renew it, from T2 on any server; at
	// Expiry it is void.
	Obtained time.Time `json:"obtained"`
	T1       time.Time `json:"t1"`
	T2       time.Time `json:"t2"`
	Expiry   time.Time `json:"expiry"`
	// GatewayMAC is how the gateway was recognised where the lease was had
	// (RFC 4436); nil where it didn't answer.
	GatewayMAC HardwareAddr `json:"gateway_mac,omitempty"`
}

// Gateway is the default route's gateway; the zero Addr if there is none.
func (l Lease) Gateway() netip.Addr {
	for _, r := range l.Routes {
		if r.Destination.Bits() == 0 {
			return r.Gateway
		}
	}
	return netip.Addr{}
}

// A Route leads to Destination over the bond: by Gateway or, where that is the
// zero Addr, directly.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     netip.Addr   `json:"gateway,omitzero"`
}

// everywhere is what a default route by a gateway leads to.
func everywhere(gateway netip.Addr) netip.Prefix {
	if gateway.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

// WantsDHCP says whether the bond is to have an IPv4 address by DHCP: where
// that is named, and where nothing is.
func (c Config) WantsDHCP() bool {
	switch c.Method {
	case MethodDHCP:
		return true
	case MethodStatic, MethodNone:
		return false
	}
	return !slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })
}

// lend settles what of a lease is used.
func (w *wanted) lend(c Config, lease *Lease) {
	if lease == nil || !c.WantsDHCP() {
		return
	}
	w.addresses = with(slices.Clone(w.addresses), lease.Address)
	if valueOr(c.UseRoutes, true) {
		for _, r := range lease.Routes {
			static := slices.ContainsFunc(w.routes, func(o rtnl.Route) bool { return o.Destination == r.Destination })
			if !static {
				w.routes = append(w.routes, leasedRoute(r))
			}
		}
	}
	if c.UseMTU && c.MTU == 0 && lease.MTU != 0 {
		w.mtu = lease.MTU
	}
}

// leasedRoute is marked as such (RTPROT_DHCP): somebody who lists the routes sees
// where it is from. A server may name a gateway beyond the address's own network
// (RFC 3442), which is on the link all the same.
func leasedRoute(lease Route) rtnl.Route {
	r := rtnl.NewRoute(lease.Destination, lease.Gateway)
	r.Protocol, r.OnLink = unix.RTPROT_DHCP, lease.Gateway.IsValid()
	return r
}

// NameServers are the DNS servers and search domains that the bond brings: the
// configuration's or, where it names none, the lease's.
func (c Config) NameServers(lease *Lease) (servers []netip.Addr, domains []string) {
	if lease != nil && c.WantsDHCP() && valueOr(c.UseDNS, true) {
		servers, domains = lease.DNS, lease.Domains
	}
	if len(c.DNS) > 0 {
		servers = c.DNS
	}
	return servers, domains
}

// Lease is what DHCP has lent the bond, as its keeper noted it; nil when there
// is nothing, or its time is over.
func (h *Host) Lease(name string) (*Lease, error) {
	r, err := h.store.record(name)
	return r.leaseAt(time.Now(), statefile.SinceBoot()), err
}

// SetLease notes what DHCP has just lent the bond; nil is nothing.
// [Host.Reconcile] puts it to use. The error is ErrNotWanted when nothing is
// recorded of the bond.
func (h *Host) SetLease(ctx context.Context, name string, lease *Lease) error {
	return h.amend(ctx, name, func(r *record) { r.lend(lease, time.Now(), statefile.SinceBoot()) })
}

// SetGatewayMAC notes how the gateway of the lease in force is recognised.
func (h *Host) SetGatewayMAC(ctx context.Context, name string, mac HardwareAddr) error {
	return h.amend(ctx, name, func(r *record) {
		if r.Lease != nil {
			r.Lease.GatewayMAC = mac
		}
	})
}

// lend notes a lease, and when it ends in time since the boot. By wall clock a
// board without one of its own would lose its lease when it hears the time.
func (r *record) lend(lease *Lease, now time.Time, sinceBoot time.Duration) {
	r.Lease, r.LeaseEnd = lease, 0
	if lease != nil {
		r.LeaseEnd = sinceBoot + lease.Expiry.Sub(now)
	}
}

// leaseAt is the lease that holds at a time, with its times as the wall clock
// has them now.
func (r *record) leaseAt(now time.Time, sinceBoot time.Duration) *Lease {
	if r.Lease == nil || sinceBoot >= r.LeaseEnd {
		return nil
	}
	lease := *r.Lease
	set := now.Add(r.LeaseEnd - sinceBoot).Sub(lease.Expiry) // by how much the clock was
	if set.Abs() > time.Second {
		for _, t := range []*time.Time{&lease.Obtained, &lease.T1, &lease.T2, &lease.Expiry} {
			*t = t.Add(set)
		}
	}
	return &lease
}

// A RememberedLease is what is kept of DHCP when the bond and the machine go
// down: a server that is asked for the same address gives it if it can.
type RememberedLease struct {
	ClientID []byte `json:"client_id"` // option 61; it never changes
	Lease    *Lease `json:"lease"`     // nil: there was none yet
}

// RememberedLease reads what [Host.RememberLease] wrote; the zero value when
// nothing was.
func (h *Host) RememberedLease(name string) (RememberedLease, error) {
	var m RememberedLease
	return m, h.lasting.read(name, leaseFile, &m)
}

// RememberLease keeps a lease for the time after this boot.
func (h *Host) RememberLease(name string, m RememberedLease) error {
	return h.lasting.write(name, leaseFile, 0o600, m)
}

// Seed is what an identity of the bonds on this machine, and in this network
// namespace, can be derived from; nil where /etc/machine-id has none. It is
// confidential (machine-id(5)).
func (h *Host) Seed() []byte {
	id := machineID()
	if id == "" {
		return nil
	}
	if !h.initialNamespace {
		id += " " + filepath.Base(h.store.dir)
	}
	return []byte(id)
}
