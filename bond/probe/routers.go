package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// routerPauses are how long each question to the routers waits for the first
// answer. Together they are longer than a router's longest delay, 3.5 seconds,
// which is that of one that spoke to all just before (RFC 4861 section 6.2.6).
var routerPauses = []time.Duration{time.Second, 2 * time.Second, time.Second}

// gathering is how long other routers are waited for after the first. Each puts
// its answer off for up to half a second (MAX_RA_DELAY_TIME).
const gathering = time.Second

// Routers asks by a router solicitation (RFC 4861 section 6.3.7) for the IPv6
// routers on the link behind the interface, and returns what each advertises, in
// the order in which they were heard. It asks up to three times within 4 seconds
// until one answers, and listens for others for a second more; the error is
// [ErrSilent] if there is no answer.
//
// A router that is missing from the answers may still be there: one that spoke to
// all within the last 3 seconds waits until those are over.
//
// # The kernel's part
//
// The kernel hears the same advertisements and acts on them by itself, whoever
// asked and however long ago it asked itself: it makes addresses of the prefixes,
// and routes, if accept_ra is 1 and the interface doesn't forward, or accept_ra is
// 2 (/proc/sys/net/ipv6/conf/NAME). But it asks only when the interface is set up:
// not after a failover, nor when a bond has its carrier back.
//
// What it made before stays until it expires: an address for its prefix's valid
// lifetime, often days or for ever; the default route for the router's lifetime,
// often half an hour. An advertisement shortens an address's life to two hours at
// the least (RFC 4862 section 5.5.3), and on another network none speaks of the
// prefix at all. Whoever wants the old addresses gone has to delete them; where
// the prefix is advertised they come back.
//
// An address is made of the interface's MAC of now, unless addr_gen_mode says
// otherwise. So on a bond that took another MAC (fail_over_mac active), the next
// advertisement on the same network adds a second address of the same prefix,
// and the first one stays good.
//
// Where IPv6 is off on the interface, the question is asked all the same, and the
// kernel does nothing with the answer.
func Routers(ctx context.Context, iface string) ([]Advertisement, error) {
	heard, err := askRouters(ctx, iface)
	if err != nil {
		return nil, fmt.Errorf("ask for routers on %s: %w", iface, err)
	}
	return heard, nil
}

// Solicit asks for them once, and waits for no answer: the kernel hears it.
func Solicit(iface string) error {
	s, err := listen(iface, unix.ETH_P_IPV6, advertisements)
	if err != nil {
		return fmt.Errorf("ask for routers on %s: %w", iface, err)
	}
	defer s.close()
	return solicit(s)
}

func askRouters(ctx context.Context, iface string) ([]Advertisement, error) {
	s, err := listen(iface, unix.ETH_P_IPV6, advertisements)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, pause := range routerPauses {
		if err := solicit(s); err != nil {
			return nil, err
		}
		heard, err := gather(ctx, s, pause)
		if err != nil || heard != nil {
			return heard, err
		}
	}
	return nil, ErrSilent
}

// advertisements lets router advertisements through, to whomever they are: the
// kernel has joined the group of all nodes on each interface with IPv6.
var advertisements = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 6, Size: 1}, // the next header
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: 3},
	bpf.LoadAbsolute{Off: ipv6HeaderLen, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: typeAdvertisement, SkipTrue: 1},
	bpf.RetConstant{Val: 1 << 16},
	bpf.RetConstant{},
}

// solicit asks all routers once.
func solicit(s *socket) error {
	mac, err := s.hardwareAddr()
	if err != nil {
		return err
	}
	from, err := usableLinkLocal(s.index)
	if err != nil {
		return err
	}
	return s.send(solicitation(from, mac).marshal(), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 2})
}

// usableLinkLocal is an address of the interface, or zero. It is read anew for
// each question: where the interface has just come up, the address becomes usable
// a second later.
func usableLinkLocal(index int) (netip.Addr, error) {
	addrs, err := os.Open("/proc/thread-self/net/if_inet6")
	if err != nil {
		return netip.Addr{}, err
	}
	defer addrs.Close()
	return linkLocal(addrs, index)
}

// solicitation is the question of one who has that MAC and that address, or none
// if it is zero. Without an address it may not tell its MAC (RFC 4861 section 4.1).
func solicitation(from netip.Addr, mac net.HardwareAddr) icmp6 {
	m := icmp6{
		from:    netip.IPv6Unspecified(),
		to:      netip.IPv6LinkLocalAllRouters(),
		message: []byte{0: typeSolicitation, 7: 0},
	}
	if from.IsValid() {
		m.from = from
		m.message = append(append(m.message, optionSource, 1), mac...)
	}
	return m
}

// gather waits for a first advertisement and then for others. It returns none when
// the pause ends without.
func gather(ctx context.Context, s *socket, pause time.Duration) (heard []Advertisement, err error) {
	for end := time.Now().Add(pause); ; {
		packet, err := s.receive(ctx, end)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return heard, nil
		}
		if err != nil {
			return nil, err
		}
		a, ok := parseAdvertisement(packet)
		if !ok {
			continue
		}
		if heard == nil {
			end = time.Now().Add(gathering)
		}
		heard = merge(heard, a)
	}
}
