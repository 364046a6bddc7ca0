package bond

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// readRAMetric reads the metric that a link gives to the default routes which IPv6
// routers advertise (Linux 5.12); "" where it can't be set, as in a container whose
// /proc/sys is read-only.
func readRAMetric(link string) string { return readSettable(raMetric, link) }

// readIPv6 reads the settings of a link that say how the kernel runs IPv6 on it.
func readIPv6(link string) map[string]setting6 {
	all := map[string]setting6{}
	for _, key := range []string{acceptRA, disableIPv6} {
		s := sysctl{Family: "ipv6", Key: key}
		all[key] = setting6{readSettable(s, link), readSettable(s, "default")}
	}
	return all
}

// readSettable reads a setting of a link; "" where it can't be set.
func readSettable(s sysctl, link string) string {
	path := sysctlPath(s, link)
	text, err := os.ReadFile(path)
	if err != nil || errors.Is(unix.Access(path, unix.W_OK), unix.EROFS) {
		return ""
	}
	return strings.TrimSpace(string(text))
}

var raMetric = sysctl{Family: "ipv6", Key: "ra_defrtr_metric"}

// of is the setting of a link.
func (s sysctl) of(link int) sysctl {
	s.Link = link
	return s
}

// stableSecret is from what the kernel makes addresses (RFC 7217). Without one it refuses
// the mode that does.
const stableSecret = "stable_secret"

// heritable are the settings of a link that matter to what it carries.
var heritable = map[string][]string{
	"ipv4": {
		"rp_filter", "forwarding", "arp_ignore", "arp_announce", "arp_filter", "arp_accept", "arp_notify",
		"proxy_arp", "proxy_arp_pvlan", "promote_secondaries", "route_localnet", "accept_local", "src_valid_mark",
		"accept_redirects", "secure_redirects", "send_redirects", "accept_source_route", "log_martians",
	},
	"ipv6": {
		stableSecret, addrGenMode, "accept_ra", "use_tempaddr", "forwarding", "disable_ipv6",
		"autoconf", "accept_ra_defrtr", "accept_ra_pinfo", "accept_ra_mtu", "accept_ra_rtr_pref",
		"accept_ra_rt_info_min_plen", "accept_ra_rt_info_max_plen", "accept_redirects", "proxy_ndp",
	},
}

// heritableOf are those settings of a link, without their values; nil where it isn't there.
func heritableOf(name string, s State) (list []sysctl) {
	link, present := s.link(name)
	for family, keys := range heritable {
		for _, key := range keys {
			if present {
				list = append(list, sysctl{Link: link.Index, Family: family, Key: key})
			}
		}
	}
	return list
}

// readDiffering reads the settings of a link that differ from those of a new one
// (net.FAMILY.conf.default).
func readDiffering(link Link) (list []sysctl) {
	for _, family := range []string{"ipv4", "ipv6"} {
		for _, key := range heritable[family] {
			c := sysctl{Link: link.Index, Family: family, Key: key}
			usual, err := os.ReadFile(sysctlPath(c, "default"))
			if key == stableSecret {
				err = nil // it can't be read where none is set (EIO)
			}
			has, errHas := os.ReadFile(sysctlPath(c, link.Name))
			if err == nil && errHas == nil && !bytes.Equal(usual, has) {
				c.Value = strings.TrimSpace(string(has))
				list = append(list, c)
			}
		}
	}
	return list
}

// readSysctls reads the settings as they are now. One that can't be read, since its
// link is gone or the kernel is another one, is left out.
func (s *State) readSysctls(like []sysctl) (list []sysctl) {
	for _, c := range like {
		link, present := s.linkByIndex(c.Link)
		if !present {
			continue
		}
		if text, err := os.ReadFile(sysctlPath(c, link.Name)); err == nil {
			c.Value = strings.TrimSpace(string(text))
			list = append(list, c)
		}
	}
	return list
}
