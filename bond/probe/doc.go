// Package probe finds out who is on the link behind an interface, by asking.
//
// # The model
//
// After a failover a bond looks as before, but its new path may lead to another
// network, on which the addresses and routes of the old one are worth nothing.
// The kernel doesn't notice: the bond stayed up. So the neighbours are asked who
// would have been there before: [Gateway] asks the IPv4 gateway whether it still
// is, and [Recognise] those of all networks that are known (RFC 4436), [Routers] asks the IPv6 routers for what they advertise (RFC
// 4861). And whether an IPv4 address is somebody else's as well is asked by [Owner]
// before it is used, and listened for by [Claim] afterwards (RFC 5227). Whether a path
// carries IP at all is asked by [Echo], and for how long a port passes nothing on, as it
// runs a spanning tree, is listened for by [Forwarding]. [Path] asks through one slave of a bond, a backup too.
//
//	mac, err := probe.Gateway(ctx, "bond0", own, gateway, nil) // the lease is new
//	...
//	_, err = probe.Gateway(ctx, "bond0", own, gateway, mac) // after a failover
//	if errors.Is(err, probe.ErrSilent) { ... }              // another network, or none
//
// Questions go out over the path of now, and answers are heard on it alone: what
// a backup slave receives, the bonding driver doesn't pass on as the bond's. An
// answer that was under way when the path changed may still count, so after
// another failover the question is to be asked again.
//
// # What it promises
//
// It changes nothing. Each call opens one packet socket, whose filter lets through
// only what answers, and closes it; Echo's is a raw one. It runs wholly in the calling goroutine, and so
// in that thread's network namespace; it takes CAP_NET_RAW.
//
// The error is [golang.org/x/sys/unix.ENODEV] where the interface doesn't exist
// and ENETDOWN where it is down or goes down; it satisfies [io/fs.ErrPermission]
// without the capability, and is the context's when that ends.
//
// Answers are foreign input: those that don't fit the question or break the
// protocol's rules are passed over as if they hadn't come. Neither protocol
// knows who speaks the truth, so an answer is a hint and no proof.
package probe

import "errors"

// ErrSilent says that nobody answered.
var ErrSilent = errors.New("nobody answered")
