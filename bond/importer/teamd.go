package importer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/bond"
)

// teamd reads a configuration of teamd (teamd.conf(5)). JSON is YAML, whose parser knows
// lines.
func teamd(files []file) (*found, error) {
	f := &found{off: func(_ []*link, files []string) []string {
		return []string{"have nothing start teamd with " + strings.Join(files, ", ") + " any more"}
	}}
	for _, one := range files {
		var keys map[string]any
		if err := json.Unmarshal(one.text, &keys); err != nil {
			return nil, &Error{one.path, err.Error()}
		}
		one.text = bytes.ReplaceAll(one.text, []byte("\t"), []byte(" ")) // within a JSON string there is none
		docs, err := documents(one)
		if err != nil {
			return nil, err
		}
		f.files = append(f.files, one.path)
		for _, d := range docs {
			team(f, one, d)
		}
	}
	return f, nil
}

func team(f *found, one file, d *node) {
	device := d.of("device")
	name := cmp.Or(device.value, strings.TrimSuffix(one.base(), ".json"))
	at := place{file: one.path, first: max(1, device.at.first), last: max(1, device.at.first)}
	l := f.called(name, at)
	l.isBond = true
	for _, k := range d.items {
		switch k.key {
		case "device", "runner", "ports", "link_watch":
		case "hwaddr":
			l.set("mac", k.value, k.at)
		case "notify_peers":
			teamCount(l, k, "num_grat_arp", "peer_notif_delay")
		case "mcast_rejoin":
			teamCount(l, k, "resend_igmp", "")
		default:
			l.leave(k.at, "bondctl's configuration has no such key")
		}
	}
	teamRunner(l, d.of("runner"))
	watch := d.of("link_watch")
	ports := teamPorts(f, l, d.of("ports"))
	for _, p := range ports {
		if w := p.of("link_watch"); w.is() && !watch.is() {
			watch = w
		} else if w.is() && w != watch {
			l.leave(w.at, "a bond watches all its members alike")
		}
	}
	teamWatch(l, watch)
}

func teamRunner(l *link, n *node) {
	for _, k := range n.items {
		switch k.key {
		case "name":
			mode := map[string]string{"activebackup": "active-backup", "roundrobin": "balance-rr", "loadbalance": "balance-xor", "lacp": "802.3ad"}
			k.at.text = "runner " + k.value
			l.mode = &entry{"mode", cmp.Or(mode[k.value], k.value), k.at}
		case "hwaddr_policy":
			policy := map[string]string{"same_all": "none", "by_active": "active", "only_active": "follow"}
			l.set("fail_over_mac", cmp.Or(policy[k.value], k.value), k.at)
		default:
			l.leave(k.at, otherMode)
		}
	}
}

func teamCount(l *link, n *node, count, interval string) {
	for _, k := range n.items {
		switch {
		case k.key == "count":
			l.set(count, k.value, k.at)
		case k.key == "interval" && interval != "":
			l.set(interval, k.value, k.at)
		default:
			l.leave(k.at, "bondctl's configuration has no such key")
		}
	}
}

// teamPorts notes the members, the one with the greatest prio first.
func teamPorts(f *found, b *link, n *node) []*node {
	ports := slices.Clone(n.items)
	prio := func(p *node) int {
		i, _ := strconv.Atoi(p.of("prio").value)
		return i
	}
	slices.SortStableFunc(ports, func(x, y *node) int { return cmp.Compare(prio(y), prio(x)) })
	sticky := 0
	for _, p := range ports {
		at := p.at
		l := f.called(p.key, at)
		l.master = b.name
		for _, k := range p.items {
			switch k.key {
			case "prio":
				l.asks = append(l.asks, bond.Setting{Key: "member.prio", Value: k.value})
			case "sticky":
				if yes, _ := truth(k.value); yes {
					sticky++
				}
			case "link_watch":
			default:
				l.leave(k.at, "bondctl's configuration has no such key")
			}
		}
	}
	for _, p := range ports {
		k := p.of("sticky")
		if yes, _ := truth(k.value); !yes {
			continue
		}
		if sticky == len(ports) {
			b.set("primary_reselect", string(bond.ReselectFailure), k.at)
		} else {
			b.leave(k.at, "a bond can't have one member stay active and others not; primary_reselect failure has all of them stay")
		}
	}
	return ports
}

// teamWatch notes how links are watched.
func teamWatch(l *link, n *node) {
	if n.list {
		for i, item := range n.items {
			if i > 0 {
				l.leave(item.at, "a bond watches links in one way")
				continue
			}
			teamWatch(l, item)
		}
		return
	}
	validate := map[string]string{}
	for _, k := range n.items {
		switch n.of("name").value + "." + k.key {
		case "ethtool.name", "arp_ping.name", "nsna_ping.name":
		case "ethtool.delay_up":
			l.set("updelay", k.value, k.at)
		case "ethtool.delay_down":
			l.set("downdelay", k.value, k.at)
		case "arp_ping.interval", "nsna_ping.interval":
			l.set("arp_interval", k.value, k.at)
		case "arp_ping.target_host", "nsna_ping.target_host":
			l.set("arp_ip_target", k.value, k.at)
		case "arp_ping.missed_max", "nsna_ping.missed_max":
			l.set("arp_missed_max", k.value, k.at)
		case "arp_ping.source_host":
			l.leave(k.at, "the kernel asks from the bond's own address")
		case "arp_ping.validate_active", "arp_ping.validate_inactive":
			if yes, _ := truth(k.value); yes {
				validate[k.key] = k.key
				word := map[string]string{"validate_active": "active", "validate_inactive": "backup"}[k.key]
				if len(validate) == 2 {
					word = "all"
					l.settings = slices.DeleteFunc(l.settings, func(e entry) bool { return e.key == "arp_validate" })
				}
				l.set("arp_validate", word, k.at)
			}
		default:
			l.leave(k.at, "bondctl has no such way to watch a link")
		}
	}
	if n.of("name").value == "ethtool" {
		l.watched = true
		l.notes = append(l.notes, Remark{File: n.at.file, First: n.at.first, Last: n.at.first, Reason: "teamd waits for the link's events; the bond looks every 100ms (miimon)"})
	}
}
