package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/drill"
	"github.com/bondctl/bondctl/bond/probe"
)

// The frames of a drill, as its JSON has them.
const (
	framesEcho     = "icmp_echo"
	framesARP      = "arp"
	framesSolicits = "neighbour_solicitation"
)

// asked is who answers the frames of a drill, and what they are.
type asked struct {
	who    string // in words
	addr   netip.Addr
	frames string
}

// A destination is one whom a drill may ask.
type destination struct {
	bond.NextHop            // on the way there
	addr         netip.Addr // itself
	who          string
}

// baselineTime is how long whoever is to be asked has to answer every frame, before anything is
// changed.
const baselineTime = 3 * time.Second

// findTrain has frames go to the first who answers all of them: of the gateways, or the one that
// was named. ICMP echo is tried first.
func findTrain(ctx context.Context, h *bond.Host, st bond.Status, flags drillFlags) (*drill.Train, asked, error) {
	name := st.Name
	list, err := destinations(h, st, flags.target)
	if err != nil {
		return nil, asked{}, err
	}
	var tried []string
	for _, d := range list {
		silent := "is silent"
		for _, by := range d.ways() {
			train, lost, err := d.depart(ctx, by, flags.interval())
			if err == nil {
				return train, asked{d.who, d.addr, by}, nil
			}
			if !errors.Is(err, probe.ErrSilent) && !errors.Is(err, drill.ErrSilent) {
				return nil, asked{}, err
			}
			if lost != "" {
				silent = "answers " + lost + "; a lower --rate may do"
			}
		}
		tried = append(tried, fmt.Sprintf("%s %s", d.who, silent))
	}
	return nil, asked{}, &silentError{name, strings.Join(tried, "; ")}
}

// A silentError says that nobody answers before a drill has begun.
type silentError struct{ bond, tried string }

func (e *silentError) Error() string {
	return fmt.Sprintf("nothing can be measured, and nothing was changed: %s", e.tried)
}

func (e *silentError) Hint() string {
	return "name another host that answers ping over the bond: bondctl drill " + e.bond + " --target ADDRESS"
}

// destinations are whom to ask: the target or, without one, the gateways of the bond's default
// routes, those of IPv4 first.
func destinations(h *bond.Host, st bond.Status, target netip.Addr) (list []destination, err error) {
	name := st.Name
	if st.Strategy == bond.StrategyRoutes && !target.IsValid() {
		return groupDestinations(st)
	}
	if target.IsValid() {
		hop, err := h.NextHopTo(target)
		if err != nil {
			return nil, fmt.Errorf("find the way to %s: %w", target, err)
		}
		over, err := h.GoesOver(name, hop.Link)
		if err != nil {
			return nil, err
		}
		if !over {
			return nil, &bond.ObstacleError{Bond: name, What: fmt.Sprintf("the way to %s leads over %s, and not over %s", target, hop.Link, name)}
		}
		if st.Strategy == bond.StrategyRoutes {
			hop = bond.NextHop{} // whichever member is active
		}
		return []destination{{hop, target, target.String()}}, nil
	}
	gateways, err := h.Gateways(name)
	if err != nil {
		return nil, err
	}
	for _, six := range []bool{false, true} {
		for _, g := range gateways {
			if g.Addr.Is6() == six {
				list = append(list, destination{g, g.Addr, fmt.Sprintf("gateway %s", g.Addr)})
			}
		}
	}
	if list == nil {
		return nil, &silentError{name, name + " has no default route, and so no gateway to ask"}
	}
	return list, nil
}

// groupDestinations are whom to ask over whichever member of a group is active, where nobody is named: a gateway that all
// of them share.
func groupDestinations(st bond.Status) ([]destination, error) {
	var shared netip.Addr
	for _, m := range st.Members {
		switch {
		case !st.Ready(m.Name):
		case shared.IsValid() && shared != *m.Gateway:
			return nil, &silentError{st.Name, "the members have different gateways"}
		default:
			shared = *m.Gateway
		}
	}
	return []destination{{addr: shared, who: "gateway " + shared.String()}}, nil
}

// ways are those in which a destination may be asked.
func (d destination) ways() []string {
	switch {
	case d.NextHop.Addr != d.addr: // not on this link, or over any of several
		return []string{framesEcho}
	case d.addr.Is6():
		return []string{framesEcho, framesSolicits}
	}
	return []string{framesEcho, framesARP}
}

// depart has frames go there. The error is [probe.ErrSilent] where there is no answer at all and
// [drill.ErrSilent] where there isn't always one; then lost says in words how many there are.
func (d destination) depart(ctx context.Context, by string, interval time.Duration) (train *drill.Train, lost string, err error) {
	asker, err := d.ask(ctx, by)
	if err != nil {
		return nil, "", err
	}
	train = drill.Start(ctx, asker, interval)
	gap, err := (&drill.Drill{Train: train}).Baseline(ctx, baselineTime)
	if err == nil {
		return train, "", nil
	}
	train.Stop()
	return nil, fmt.Sprintf("only %d of %d frames (%s)", gap.Sent-gap.Lost, gap.Sent, framesInWords(by)), err
}

func (d destination) ask(ctx context.Context, by string) (probe.Repeater, error) {
	if by == framesEcho {
		if err := probe.Echo(ctx, d.Link, d.Own, d.addr); err != nil {
			return nil, err
		}
		return probe.RepeatEcho(ctx, d.Link, d.Own, d.addr)
	}
	var known net.HardwareAddr
	var err error
	if by == framesARP {
		known, err = probe.Gateway(ctx, d.Link, d.Own, d.addr, nil)
	} else {
		err = probe.Neighbour(ctx, d.Link, d.Own, d.addr)
	}
	if err != nil {
		return nil, err
	}
	return probe.RepeatNeighbour(d.Link, d.Own, d.addr, known)
}

func framesInWords(by string) string {
	switch by {
	case framesARP:
		return "ARP"
	case framesSolicits:
		return "neighbour solicitation"
	}
	return "ICMP echo"
}
