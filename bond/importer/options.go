package importer

import (
	"slices"
	"strconv"
	"strings"
)

// words are the values of the options that have words, by the kernel's number.
var words = map[string][]string{
	"primary_reselect": {"always", "better", "failure"},
	"fail_over_mac":    {"none", "active", "follow"},
	"arp_validate":     {"none", "active", "backup", "all", "filter", "filter_active", "filter_backup"},
	"arp_all_targets":  {"any", "all"},
	"mode":             {"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"},
}

// aliases are other names of options.
var aliases = map[string]string{
	"num_unsol_na": "num_grat_arp", "ns_ip6_target": "arp_ip_target", "missed_max": "arp_missed_max", "gratuitous_arp": "num_grat_arp",
	"arp_ip_targets": "arp_ip_target",
}

// meaningless are options that have no place in an active-backup bond of bondctl, and why.
var meaningless = map[string]string{
	"use_carrier":           "it is obsolete, and 1 is what the kernel does in any case",
	"active_slave":          "which slave is active is no configuration; bondctl's switch does that, and primary says which is preferred",
	"queue_id":              "bondctl gives no slave a queue",
	"give_a_chance":         "bondctl needs no workaround for wpa_supplicant",
	"xmit_hash_policy":      otherMode,
	"lacp_rate":             otherMode,
	"lacp_active":           otherMode,
	"ad_select":             otherMode,
	"ad_actor_sys_prio":     otherMode,
	"ad_actor_system":       otherMode,
	"ad_user_port_key":      otherMode,
	"min_links":             otherMode,
	"lp_interval":           otherMode,
	"packets_per_slave":     otherMode,
	"tlb_dynamic_lb":        otherMode,
	"coupled_control":       otherMode,
	"balance_slb":           otherMode,
	"vlan_srcmac":           otherMode,
	"broadcast_neighbor":    otherMode,
	"lacp_strict":           otherMode,
	"broadcast_neigh":       otherMode,
	"max_bonds":             "it is the module's, not a bond's",
	"tx_queues":             "it is the module's, not a bond's",
	"lacp_bypass":           otherMode,
	"lacp_bypass_allow":     otherMode,
	"clag_id":               otherMode,
	"lacp_fallback":         otherMode,
	"learn_packet_interval": otherMode,
}

const otherMode = "it is for other modes, and does nothing with active-backup"

// word is an option's value as a word: the kernel's number of it is taken as well, and both
// of them as sysfs has them, "active-backup 1".
func word(key, value string) string {
	value, _, _ = strings.Cut(strings.TrimSpace(value), " ")
	names := words[key]
	if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < len(names) {
		return names[n]
	}
	return strings.ToLower(value)
}

// option notes an option of the bonding driver by the kernel's name, in which dashes may
// stand for underscores. It is false for one that there isn't.
func (l *link) option(name, value string, at place) bool {
	key := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if other, ok := aliases[key]; ok {
		key = other
	}
	if reason, ok := meaningless[key]; ok {
		if key == "use_carrier" && value == "0" {
			reason = "new kernels have no use_carrier=0, so bondctl doesn't set it"
		}
		l.leave(at, reason)
		return true
	}
	switch key {
	case "mode":
		l.noteMode(value, at)
	case "primary":
		// ifenslave takes a list, of which the first that is there becomes it.
		for _, member := range separated(value) {
			l.set(key, member, at)
		}
	case "arp_ip_target":
		for _, target := range separated(value) {
			l.set(key, strings.TrimPrefix(target, "+"), at)
		}
	case "primary_reselect", "fail_over_mac", "arp_validate", "arp_all_targets":
		l.set(key, word(key, value), at)
	case "miimon", "updelay", "downdelay", "peer_notif_delay", "arp_interval",
		"num_grat_arp", "all_slaves_active", "resend_igmp", "arp_missed_max":
		l.set(key, strings.TrimSpace(value), at)
	default:
		return false
	}
	return true
}

func (l *link) noteMode(value string, at place) {
	if l.mode == nil || l.lastHolds {
		l.mode = &entry{"mode", word("mode", value), at}
	}
}

// isOption says whether there is an option of that name.
func isOption(name string) bool { return new(link).option(name, "", place{}) }

// separated are the words of a list, which blanks, commas or semicolons separate.
func separated(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,;", r) })
}

// modeNumber is the kernel's number of a mode, for messages; "" for an unknown one.
func modeNumber(mode string) string {
	if i := slices.Index(words["mode"], mode); i >= 0 {
		return strconv.Itoa(i)
	}
	return ""
}
