package dhcp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/bondctl/bondctl/bond/internal/backoff"
)

// Bounds of how long a network may have a client do without IPv4 (RFC 8925 section
// 3.4 has the least).
const (
	minWaived = 5 * time.Minute
	maxWaived = 24 * time.Hour
)

// errWaived says that a network would rather have no IPv4.
var errWaived = errors.New("the network prefers IPv6 alone (RFC 8925)")

// waivedError is a server's answer that the network would rather have no IPv4, and
// is to be asked again after a while.
type waivedError struct{ wait time.Duration }

func (e *waivedError) Error() string { return fmt.Sprintf("%v for %s", errWaived, e.wait) }

// ipv6Only says whether IPv6 alone would do.
func (c *Client) ipv6Only() bool { return c.IPv6Only != nil && c.IPv6Only() }

// requested are the options that a DHCPDISCOVER asks for now.
func (c *Client) requested() dhcpv4.Option {
	codes := requested
	if c.ipv6Only() {
		codes = append(slices.Clone(codes), dhcpv4.OptionIPv6OnlyPreferred)
	}
	return dhcpv4.OptParameterRequestList(codes...)
}

// readIPv6Only takes the time for which the network would rather have no IPv4.
func readIPv6Only(m *dhcpv4.DHCPv4) (wait time.Duration, ok bool) {
	value := m.Options.Get(dhcpv4.OptionIPv6OnlyPreferred)
	if len(value) != 4 {
		return 0, false
	}
	wait = time.Duration(binary.BigEndian.Uint32(value)) * time.Second
	return min(max(wait, minWaived), maxWaived), true
}

// seldomAtLast is the longest pause between questions for an address that isn't
// missed: one that a server gives at last comes some while later.
const seldomAtLast = 32 * time.Minute

// seldom gives the pauses after questions to which there may never be an answer:
// those of doubling and, while IPv6 alone would do, ever longer ones.
func (c *Client) seldom() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		pauses := backoff.Backoff{First: firstPause}
		for {
			pauses.Last = lastPause
			if c.ipv6Only() {
				pauses.Last = seldomAtLast
			}
			if !yield(jittered(pauses.Next())) {
				return
			}
		}
	}
}

// waiving has the network be without IPv4 for as long as it prefers that, or until
// the path changes.
func (s *session) waiving(wait time.Duration) state {
	s.restart()
	s.report(Event{Kind: Waived, Reason: errWaived})
	return func(ctx context.Context) state {
		if err := s.wait(ctx, wait); err != nil {
			return s.turn(ctx, err, nil)
		}
		return s.begin
	}
}
