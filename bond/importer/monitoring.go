package importer

import (
	"slices"

	"github.com/bondctl/bondctl/bond"
)

// monitoring takes out the settings of ARP monitoring, which need each other, and takes
// them as one.
func (d *draft) monitoring(entries []entry) (rest []entry) {
	var interval *entry
	var targets []entry
	for _, e := range entries {
		switch {
		case e.key == "arp_interval" && interval == nil:
			interval = &e
		case e.key == "arp_ip_target":
			targets = append(targets, e)
		default:
			rest = append(rest, e)
		}
	}
	if interval == nil || interval.value == "0" {
		for _, e := range targets {
			d.leave(e.at, "it means something with arp_interval only")
		}
		return rest
	}
	i := slices.IndexFunc(rest, func(e entry) bool { return e.key == "miimon" })
	if i >= 0 {
		// miimon comes first, and what is refused beside it is said of the interval.
		d.take(rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	d.arp(*interval, targets)
	return rest
}

func (d *draft) arp(interval entry, targets []entry) {
	group := []bond.Setting{{Key: "arp_interval", Value: interval.value}}
	for _, e := range targets {
		with := append(slices.Clone(group), bond.Setting{Key: "arp_ip_target", Value: e.value})
		if _, err := bond.NewConfig("bond0", append([]bond.Setting{{Key: "member", Value: "eth0"}}, with...)); err != nil {
			if d.isTwice(e, group) {
				continue
			}
			d.leave(e.at, reason(err))
			continue
		}
		group = with
	}
	if err := d.try(group...); err != nil {
		d.leave(interval.at, err.Error())
		if len(group) > 1 {
			d.leave(targets[0].at, "it means something with arp_interval only")
		}
	}
}

// isTwice says whether a target is there already, as it is where a member repeats its
// bond's options.
func (d *draft) isTwice(e entry, group []bond.Setting) bool {
	return slices.ContainsFunc(group, func(s bond.Setting) bool { return s.Value == e.value })
}
