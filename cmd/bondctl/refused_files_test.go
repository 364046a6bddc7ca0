package main

import "testing"

func TestRefusedSyntax(t *testing.T) {
	refuse(t, upMember, []refusal{
		{name: "no value", file: "miimon =", want: "bond0.toml:1: miimon: expected value, not end of input"},
		{
			name: "no quotes",
			file: "primary = eth0",
			want: "bond0.toml:1: primary: unexpected character U+0065 'e' at start of value; a text stands in quotes",
		},
		{name: "no quotes around a time", file: "miimon = 100ms", want: "bond0.toml:1: miimon: strings must be quoted"},
		{name: "no end of a text", file: `primary = "eth0`, want: "bond0.toml:1: primary: unterminated basic string"},
		{name: "no end of a list", file: `arp_ip_target = ["192.0.2.1",`, want: "bond0.toml:1: arp_ip_target: array is incomplete"},
		{
			name: "no end of a table",
			file: `[[member]
name = "eth0"`,
			want: "bond0.toml:1: expected ']]' to close array table name",
		},
		{name: "colon", file: "miimon: 100", want: "bond0.toml:1: expected '=' after key"},
		{name: "not utf-8", file: "primary = \"\xff\"", want: "bond0.toml:1: primary: invalid UTF-8 character in basic string"},
		{name: "zero byte", file: "\x00", want: "bond0.toml:1: invalid character at start of key: U+0000"},
		{name: "control character", file: "primary = \"\x1b[2J\"", want: "bond0.toml:1: primary: basic strings cannot have control characters"},
		{
			name: "a number too great",
			file: "mtu = 99999999999999999999",
			want: "bond0.toml:1: mtu: decimal number is too large to fit in a 64-bit signed integer",
		},
		{
			name: "key twice",
			file: `miimon = 100
miimon = 200`,
			want: "bond0.toml:2: key miimon is already defined",
		},
		{
			name: "table twice",
			file: `[ipv4]
[ipv4]`,
			want: "bond0.toml:2: table ipv4 already exists",
		},
		{
			name: "key and table",
			file: `ipv4.method = "auto"
[ipv4]`,
			want: "bond0.toml:2: table ipv4 already exists as defined by a dotted key",
		},
	})
}

func TestRefusedKeys(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "unknown key",
			file: `[[member]]
name = "nope0"
[ipv4]
adresses = ["192.0.2.10/24"]`,
			want: "bond0.toml:4: ipv4.adresses: unknown key; did you mean addresses?",
		},
		{
			name: "unknown key with suggestion",
			file: `primary-reselect = "better"`,
			want: "bond0.toml:1: primary-reselect: unknown key; did you mean primary_reselect?",
		},
		{name: "unknown key that is near none", file: "frobnicate = 1", want: "bond0.toml:1: frobnicate: unknown key; there are " + topKeys},
		{name: "upper case", file: "Miimon = 100", want: "bond0.toml:1: Miimon: unknown key; did you mean miimon?"},
		{name: "mode", file: `mode = "active-backup"`, want: "bond0.toml:1: mode: bondctl makes bonds of mode active-backup alone; leave it out"},
		{
			name: "the kernel's list of ipv6 targets",
			file: `ns_ip6_target = ["2001:db8::1"]`,
			want: "bond0.toml:1: ns_ip6_target: bondctl has one list of targets; write IPv6 addresses into arp_ip_target, too",
		},
		{name: "quoted dots", file: `"ipv4.method" = "auto"`, want: `bond0.toml:1: "ipv4.method": unknown key; there are ` + topKeys},
		{name: "escape in a key", file: `"\u001b[2J" = 1`, want: `bond0.toml:1: "\x1b[2J": unknown key; there are ` + topKeys},
		{
			name: "unknown table",
			file: `[ipv5]
method = "auto"`,
			want: "bond0.toml:1: ipv5: unknown key; did you mean ipv4?",
		},
		{
			name: "unknown table below one",
			file: `[ipv4.routes]
to = "default"`,
			want: "bond0.toml:1: ipv4.routes: unknown key; there are addresses, dns, gateway, method, use_dns, use_mtu, use_routes",
		},
		{name: "empty unknown table", file: "[bond]", want: "bond0.toml:1: bond: unknown key; there are " + topKeys},
		{
			name: "tables for one",
			file: `[[ipv4]]
method = "auto"`,
			want: "bond0.toml:1: ipv4: it is a table; write [ipv4] and the keys below it",
		},
		{name: "text for a table", file: `ipv4 = "dhcp"`, want: "bond0.toml:1: ipv4: it is a table; write [ipv4] and the keys below it"},
	})
}

func TestRefusedTypes(t *testing.T) {
	refuse(t, upMember, []refusal{
		{name: "table for a time", file: "miimon = { ms = 100 }", want: "bond0.toml:1: miimon: it takes one text or number, not a list, a table or a date"},
		{name: "table for a time, empty", file: "[miimon]", want: "bond0.toml:1: miimon: it takes one text or number, not a list, a table or a date"},
		{name: "dots for a time", file: "miimon.ms = 100", want: "bond0.toml:1: miimon.ms: it takes one text or number, not a list, a table or a date"},
		{name: "list for a time", file: "updelay = [100, 200]", want: "bond0.toml:1: updelay: it takes one text or number, not a list, a table or a date"},
		{name: "boolean for a time", file: "miimon = true", want: `bond0.toml:1: miimon: "true"` + notATime},
		{name: "boolean for a number", file: "all_slaves_active = true", want: `bond0.toml:1: all_slaves_active: "true" is not a whole number from 0 to 1`},
		{
			name: "fraction for a time",
			file: "miimon = 100.0",
			want: "bond0.toml:1: miimon: it takes no decimal fraction; write a whole number, or a text in quotes",
		},
		{
			name: "fraction for a number",
			file: "num_grat_arp = 1.5",
			want: "bond0.toml:1: num_grat_arp: it takes no decimal fraction; write a whole number, or a text in quotes",
		},
		{name: "infinity", file: "mtu = inf", want: "bond0.toml:1: mtu: it takes no decimal fraction; write a whole number, or a text in quotes"},
		{name: "date", file: "mtu = 1979-05-27", want: "bond0.toml:1: mtu: it takes one text or number, not a list, a table or a date"},
		{
			name: "number for a word",
			file: "primary_reselect = 1",
			want: `bond0.toml:1: primary_reselect: "1" is none of its values; it takes always, better or failure`,
		},
		{name: "list for a name", file: `primary = ["nope0"]`, want: `bond0.toml:1: primary: it takes the name of one interface in quotes, such as "eth0"`},
		{name: "number for a name", file: "primary = 0", want: `bond0.toml:1: primary: it takes the name of one interface in quotes, such as "eth0"`},
		{name: "number for an address", file: "address = 10", want: "bond0.toml:1: address: it takes a text in quotes, or a list of them in brackets"},
		{
			name: "list in a list",
			file: `arp_interval = "1s"
arp_ip_target = [["192.0.2.1"]]`,
			want: "bond0.toml:2: arp_ip_target: it takes a text in quotes, or a list of them in brackets",
		},
		{name: "negative", file: "downdelay = -1", want: `bond0.toml:1: downdelay: "-1"` + notATime},
		{name: "out of range", file: "arp_missed_max = 256", want: `bond0.toml:1: arp_missed_max: "256" is not a whole number from 1 to 255`},
		{
			name: "fraction of a millisecond",
			file: `peer_notif_delay = "1500us"`,
			want: `bond0.toml:1: peer_notif_delay: "1500us" is finer than the kernel's milliseconds; write it in whole ones`,
		},
	})
}

func TestRefusedContradictionsInFile(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "unknown method",
			file: `[ipv4]
method = "manual"`,
			want: `bond0.toml:2: ipv4.method: "manual" is none of its values; it takes auto, dhcp, static or none`,
		},
		{
			name: "static without an address",
			file: `[ipv4]
method = "static"`,
			want: `bond0.toml:2: ipv4.method: static wants an address; name one with addresses = ["192.0.2.10/24"]`,
		},
		{
			name: "none with an address",
			file: `[ipv4]
method = "none"
addresses = ["192.0.2.10/24"]`,
			want: "bond0.toml:2: ipv4.method: none and an IPv4 address contradict each other; leave one of them out",
		},
		{
			name: "ipv6 below ipv4",
			file: `[ipv4]
addresses = ["2001:db8::2/64"]`,
			want: "bond0.toml:2: ipv4.addresses: 2001:db8::2 is an IPv6 address; it belongs below [ipv6]",
		},
		{
			name: "ipv4 below ipv6",
			file: `[ipv6]
addresses = ["192.0.2.10/24"]`,
			want: "bond0.toml:2: ipv6.addresses: 192.0.2.10 is an IPv4 address; it belongs below [ipv4]",
		},
		{
			name: "gateway of the other family",
			file: `[ipv6]
gateway = "192.0.2.1"`,
			want: "bond0.toml:2: ipv6.gateway: 192.0.2.1 is an IPv4 address; it belongs below [ipv4]",
		},
		{
			name: "two bad addresses",
			file: `[ipv4]
addresses = ["192.0.2.10", "router"]`,
			want: lines(
				"bond0.toml:2: ipv4.addresses: 192.0.2.10 has no prefix length; write it with one, such as 192.0.2.10/24",
				`bond0.toml:2: ipv4.addresses: "router" is not an address with its prefix length; write one such as 192.0.2.10/24`,
			),
		},
		{
			name: "primary no member",
			file: `primary = "nope1"`,
			want: "bond0.toml:1: primary: nope1 is not among the members (nope0); name one of them, or make it one",
		},
		{
			name: "two monitors",
			file: `miimon = "100ms"
arp_interval = "1s"
arp_ip_target = ["192.0.2.1"]`,
			want: "bond0.toml:2: arp_interval: miimon and arp_interval exclude each other; leave one of them out",
		},
		{
			name: "no monitor",
			file: "miimon = 0",
			want: "bond0.toml:1: miimon: 0 switches monitoring off, and the bond would never fail over; name a time such as 100ms, or use arp_interval",
		},
		{
			name: "targets alone",
			file: `arp_ip_target = "192.0.2.1"`,
			want: "bond0.toml:1: arp_ip_target: it means something with arp_interval only; name that as well, or leave arp_ip_target out",
		},
		{
			name: "mac and active",
			file: `mac = "stable"
fail_over_mac = "active"`,
			want: "bond0.toml:1: mac: with fail_over_mac active the bond carries its active slave's address, so it can't have one of its own; leave mac out, or choose fail_over_mac none",
		},
	})
}

func TestRefusedAllAtOnce(t *testing.T) {
	refuse(t, upAlone, []refusal{
		{
			name: "five mistakes",
			file: `miimon = "soon"
mtu = 9
frobnicate = true
mac = "stable"
fail_over_mac = "active"

[[member]]
name = "nope 0"

[ipv4]
gateway = "192.0.2.1"`,
			want: lines(
				`bond0.toml:1: miimon: "soon"`+notATime,
				`bond0.toml:2: mtu: "9" is not a whole number from 68 to 65535`,
				"bond0.toml:3: frobnicate: unknown key; there are "+topKeys,
				`bond0.toml:8: member.name: invalid interface name "nope 0": contains white space`,
				"bond0.toml:4: mac: with fail_over_mac active the bond carries its active slave's address, so it can't have one of its own; leave mac out, or choose fail_over_mac none",
				"bond0.toml:11: ipv4.gateway: 192.0.2.1 is in none of the bond's networks, so it can't be reached; give the bond an address beside it with ipv4.addresses",
			),
		},
	})
}
