package bond

import (
	"cmp"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// ranked are the members in order of preference: by the metrics that the file names, or else the primary first, by
// prio, and as they are listed.
func (s *State) ranked(c Config) (list []routesMember) {
	for _, m := range s.expand(c) {
		list = append(list, routesMember{wantedMember: m})
	}
	primary := s.called(c.Primary)
	prio := func(m routesMember) int { n, _ := strconv.Atoi(m.prio); return n }
	slices.SortStableFunc(list, func(a, b routesMember) int {
		return cmp.Or(cmp.Compare(rank(a.name != primary), rank(b.name != primary)), cmp.Compare(prio(b), prio(a)))
	})
	taken := append(c.namedMetrics(), s.metricsOfOthers(list)...)
	next := uint32(memberMetric)
	for i := range list {
		for slices.Contains(taken, next) {
			next++
		}
		if named := list[i].namedMetric(unix.AF_INET); named != nil {
			list[i].metric = *named
			continue
		}
		list[i].metric = next
		next++
	}
	slices.SortStableFunc(list, func(a, b routesMember) int { return cmp.Compare(a.metric, b.metric) })
	return list
}

// namedMetric is the metric that the file names for a member; for one family, it is the other's as well.
func (m *Member) namedMetric(family int) *uint32 {
	n, _ := m.network(family)
	return cmp.Or(n.Metric, m.IPv4.Metric, m.IPv6.Metric)
}

// namedMetrics are those that the file names.
func (c Config) namedMetrics() (list []uint32) {
	for _, m := range c.Members {
		for _, named := range []*uint32{m.IPv4.Metric, m.IPv6.Metric} {
			if named != nil {
				list = append(list, *named)
			}
		}
	}
	return list
}

// metricsOfOthers are those of IPv6 default routes over links that are no members: with the same metric the kernel would
// make ours one of their paths.
func (s *State) metricsOfOthers(members []routesMember) (list []uint32) {
	for _, r := range s.routes {
		other := func(link int) bool {
			return !slices.ContainsFunc(members, func(m routesMember) bool { return m.link.Index == link })
		}
		if !r.Is4() && r.Destination.Bits() == 0 && r.Table == unix.RT_TABLE_MAIN && slices.ContainsFunc(r.Links(), other) {
			list = append(list, r.Metric)
		}
	}
	return list
}

// leastMetric is less than none that a member has by the configuration; that of who is chosen by hand is below.
func (c Config) leastMetric() uint32 {
	return slices.Min(append(c.namedMetrics(), memberMetric))
}

// chosen says whether somebody has chosen a link by hand, which holds until it loses its carrier.
func (s *State) chosen(l Link) bool {
	return s.manual != nil && s.manual.Ifindex == l.Index && s.manual.Failures == l.Changes
}

// isHeldBack says whether a member is to stay behind the others: as the keeper says or, without one, as it is.
func (s *State) isHeldBack(m routesMember) bool {
	if s.heldBack != nil {
		return s.heldBack[m.link.Name]
	}
	return s.holdsBack(m.link.Index)
}

// holdsBack says whether the kernel's routes over a link hold it back.
func (s *State) holdsBack(link int) bool {
	return slices.ContainsFunc(s.routes, func(r rtnl.Route) bool {
		return r.Link == link && r.Protocol == RouteProtocol && r.Table == unix.RT_TABLE_MAIN && r.Metric >= heldBackMetric && r.Metric < standInMetric
	}) || slices.ContainsFunc(s.addrs, func(a rtnl.Addr) bool { return a.Link == link && a.Metric >= heldBackMetric }) ||
		s.holdsRoutersBack(link)
}

// holdsRoutersBack says whether the kernel is told to put a link's routers behind: a member that has no more than IPv6 by
// routers has nothing of ours by which to tell.
func (s *State) holdsRoutersBack(link int) bool {
	metric, err := strconv.ParseUint(raMetric.of(link).in(s.memberSysctls).Value, 10, 32)
	return err == nil && metric >= heldBackMetric
}
