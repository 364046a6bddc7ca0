// Package dhcp is a DHCPv4 client (RFC 2131) for one interface, made for bonds:
// the path behind the interface may change at any time, and its hardware
// address with it.
//
// # The model
//
// [Client.Run] asks for a [lease.Lease] and keeps it, and reports each change as an
// [Event]. It touches nothing: whoever runs it gives the interface the address,
// the routes and the rest, and takes them away again.
//
//	client := dhcp.Client{Interface: "bond0", ID: dhcp.NewClientID(seed, "bond0")}
//	client.Run(ctx, recorded, moves, func(e dhcp.Event) { ... })
//	...
//	err := client.Release(lease)
//
// A lease is known by the client's identifier and not by a hardware address, so
// that it stays when the bond takes the address of another member. The hardware
// address is read anew for each message.
//
// What was leased may not hold on another path. A [Move] has the servers there asked
// whether it does (INIT-REBOOT, RFC 2131 section 3.2): it is kept, or refused and
// replaced. A server that knows nothing of the lease stays silent. So if there is no
// answer within a tenth of a second any server is asked for a lease as well, and the first
// good answer wins; of another address than the one that is held it is taken only when
// there was time for a word on that. Meanwhile the old lease is kept until it expires. A server may
// commit a lease at once (rapid commit, RFC 4039). Silence is told of once it has lasted.
//
// Where IPv6 alone would do ([Client.IPv6Only]), the network may have it so (RFC
// 8925): then no lease is asked for until that time is over or the path changes. Who
// has a lease keeps it.
//
// # What it promises
//
// Between questions it has no socket open and one timer set, which goes on while
// the machine sleeps: what was due then is done on resume. Each message goes
// out through a socket of its own, opened then, so an interface that went down,
// came back or was made anew needs no care.
//
// What a server says is not trusted: answers to other questions are ignored,
// and so is whatever can't be right in an answer; times are kept within bounds,
// names are host names, and a server that refuses what it has just offered is
// asked ever more seldom. An address that somebody else has ([Client.Owner]) is
// declined.
//
// Not done: options in the sname and file fields (RFC 2132 section 9.3), and
// authentication (RFC 3118).
package dhcp
