// Package lease has the type of a DHCPv4 lease: what a server lends an interface
// for a time (RFC 2131). Whoever asks for a lease, uses or keeps one needs to
// know nothing else of the others.
package lease

import (
	"net/netip"
	"time"
)

// Lease is what a server lends. It can be kept as JSON and be asked for again.
type Lease struct {
	Address netip.Prefix `json:"address"`
	// Server is the server's identifier, option 54.
	Server netip.Addr `json:"server"`
	// Routes are those of option 121 (RFC 3442) or, without that option, the
	// default route by the first router of option 3.
	Routes []Route `json:"routes,omitempty"`
	// DNS are the name servers of option 6.
	DNS []netip.Addr `json:"dns,omitempty"`
	// Domains are the search list of option 119 (RFC 3397) or, without one, the
	// domain of option 15: host names as in RFC 1123, without a final dot.
	Domains []string `json:"domains,omitempty"`
	// MTU is option 26 in bytes, 0 if there was none.
	MTU int `json:"mtu,omitempty"`
	// Obtained is when the lease was asked for. From T1 on its server is asked
	// to renew it, from T2 on any server; at Expiry it is void.
	Obtained time.Time `json:"obtained"`
	T1       time.Time `json:"t1"`
	T2       time.Time `json:"t2"`
	Expiry   time.Time `json:"expiry"`
}

// Route leads to Destination by Gateway, or directly where that is the zero
// Addr. The gateway needn't be in the lease's own network (a /32 address): it is
// on the link all the same.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     netip.Addr   `json:"gateway,omitzero"`
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

// EndingAt is the lease with all of its times moved so that it ends at expiry.
func (l Lease) EndingAt(expiry time.Time) Lease {
	moved := expiry.Sub(l.Expiry)
	l.Obtained, l.T1, l.T2 = l.Obtained.Add(moved), l.T1.Add(moved), l.T2.Add(moved)
	l.Expiry = expiry
	return l
}
