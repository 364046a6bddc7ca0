package main

import "testing"

func TestRefusedMembersOfFile(t *testing.T) {
	refuse(t, upAlone, []refusal{
		{
			name: "one member in single brackets",
			file: `[member]
name = "nope0"`,
			want: `bond0.toml:1: member: a member is a table, one of several; write [[member]] and below it name = "eth0"`,
		},
		{
			name: "member by dots",
			file: `member.name = "nope0"`,
			want: `bond0.toml:1: member.name: a member is a table, one of several; write [[member]] and below it name = "eth0"`,
		},
		{
			name: "member a text",
			file: `member = "nope0"`,
			want: `bond0.toml:1: member: a member is a table, one of several; write [[member]] and below it name = "eth0"`,
		},
		{
			name: "member a list of texts",
			file: `member = ["nope0", "nope1"]`,
			want: `bond0.toml:1: member: a member is a table, one of several; write [[member]] and below it name = "eth0"`,
		},
		{
			name: "member without a name",
			file: `[[member]]
prio = 3`,
			want: `bond0.toml:1: member: it asks for nothing; write name = "eth0" below it, or kind, mac, driver or bus`,
		},
		{
			name: "member with an empty name",
			file: `[[member]]
name = ""`,
			want: "bond0.toml:2: member.name: the name is empty; write that of an interface, such as eth0",
		},
		{
			name: "member with a number for a name",
			file: `[[member]]
name = 0`,
			want: `bond0.toml:2: member.name: it takes the name of one interface in quotes, such as "eth0"`,
		},
		{
			name: "member with a bad name",
			file: `[[member]]
name = "eth 0"`,
			want: `bond0.toml:2: member.name: invalid interface name "eth 0": contains white space`,
		},
		{
			name: "member with a table",
			file: `[[member]]
name = "nope0"
[member.wifi]
ssid = "home"`,
			want: "bond0.toml:3: member.wifi: unknown key; there are bus, driver, kind, mac, name, prio, wpa_conf",
		},
		{
			name: "member with an unknown key",
			file: `[[member]]
nmae = "nope0"`,
			want: "bond0.toml:2: member.nmae: unknown key; there are bus, driver, kind, mac, name, prio, wpa_conf",
		},
		{
			name: "key of the bond in a member",
			file: `[[member]]
name = "nope0"
primary = "nope0"`,
			want: "bond0.toml:3: member.primary: unknown key; there are bus, driver, kind, mac, name, prio, wpa_conf",
		},
		{
			name: "prio a text",
			file: `[[member]]
name = "nope0"
prio = "high"`,
			want: `bond0.toml:3: member.prio: "high"` + notInt32,
		},
		{
			name: "prio too great",
			file: `[[member]]
name = "nope0"
prio = 2147483648`,
			want: `bond0.toml:3: member.prio: "2147483648"` + notInt32,
		},
		{
			name: "prio a fraction",
			file: `[[member]]
name = "nope0"
prio = 1.5`,
			want: "bond0.toml:3: member.prio: it takes no decimal fraction; write a whole number, or a text in quotes",
		},
		{
			name: "member twice",
			file: `[[member]]
name = "nope0"
[[member]]
name = "nope1"
[[member]]
name = "nope0"`,
			want: "bond0.toml:5: member: nope0 is there twice; name it once",
		},
		{
			name: "member itself",
			file: `[[member]]
name = "testbond0"`,
			want: "bond0.toml:1: member: testbond0 can't be a member of itself; name the interface that carries its traffic",
		},
		{
			name: "no member",
			file: "miimon = 100",
			want: `member: a bond wants at least one, and none is named; add --member eth0, or [[member]] and name = "eth0" in the file`,
		},
		{
			name: "nothing",
			file: "# nothing",
			want: `member: a bond wants at least one, and none is named; add --member eth0, or [[member]] and name = "eth0" in the file`,
		},
	})
}

func TestRefusedPatterns(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "question mark",
			file: `[[member]]
name = "eth?"`,
			want: `bond0.toml:2: member.name: "eth?": of patterns only * is known, for any characters`,
		},
		{
			name: "kind",
			file: `[[member]]
kind = "wlan"`,
			want: `bond0.toml:2: member.kind: "wlan" is none of its values; it takes wired or wifi`,
		},
		{
			name: "mac of a member",
			file: `[[member]]
mac = "stable"`,
			want: `bond0.toml:2: member.mac: "stable" is not a MAC address; write one such as 02:00:5e:10:00:01`,
		},
		{
			name: "driver",
			file: `[[member]]
driver = ""`,
			want: `bond0.toml:2: member.driver: "" is no name in /sys/bus; write one such as cdc_ether`,
		},
		{
			name: "bus",
			file: `[[member]]
bus = "usb/1-1"`,
			want: `bond0.toml:2: member.bus: "usb/1-1" is no name in /sys/bus; write one such as usb`,
		},
		{
			name: "the same twice",
			file: `[[member]]
kind = "wifi"
[[member]]
kind = "wifi"`,
			want: "bond0.toml:3: member: kind=wifi is there twice; name it once",
		},
	})
}

func TestRefusedLeases(t *testing.T) {
	const once = " is the keeper's work, and --once leaves none; leave one of them out"
	refuse(t, upAlone, []refusal{
		{
			name: "wpa_conf that is relative",
			file: "[[member]]\nname = \"nope0\"\nwpa_conf = \"wpa.conf\"",
			want: `bond0.toml:3: member.wpa_conf: "wpa.conf" is not the whole path of a file; write one such as /etc/wpa_supplicant.conf`,
		},
		{
			name: "wpa_conf of a cable",
			file: "[[member]]\nkind = \"wired\"\nwpa_conf = \"/etc/hostname\"",
			want: "bond0.toml:1: member: kind wired and wpa_conf contradict each other; leave one of them out",
		},
		{
			name: "wpa_conf alone",
			file: "[[member]]\nwpa_conf = \"/etc/hostname\"",
			want: `bond0.toml:1: member: it asks for nothing; write name = "eth0" below it, or kind, mac, driver or bus`,
		},
		{
			name: "wpa_conf that is missing",
			file: "[[member]]\nname = \"nope0\"\nwpa_conf = \"/nosuch/wpa.conf\"",
			want: "bond0.toml:3: member.wpa_conf: /nosuch/wpa.conf: no such file or directory",
		},
		{
			name: "wpa_conf with --once",
			args: []string{"--once"},
			file: "[[member]]\nname = \"nope0\"\nwpa_conf = \"/etc/hostname\"",
			want: "--once: wpa_conf of nope0" + once, hint: "bondctl up --help",
		},
	})
	refuse(t, upMember, []refusal{
		{name: "dhcp with --once", args: []string{"--once", "--dhcp"}, want: "--once: DHCP" + once, hint: "bondctl up --help"},
		{name: "no name server", args: []string{"--dns=resolver"}, want: `--dns: "resolver" is not a name server's address; write one such as 192.0.2.1`},
		{
			name: "a name server of the other family",
			file: "[ipv6]\ndns = [\"192.0.2.1\"]",
			want: "bond0.toml:2: ipv6.dns: 192.0.2.1 is an IPv4 address; it belongs below [ipv4]",
		},
		{name: "dhcp false", file: "dhcp = false", want: `bond0.toml:1: dhcp: it takes true alone; for none write method = "none" below [ipv4]`},
		{name: "use_mtu a word", file: "[ipv4]\nuse_mtu = \"yes\"", want: "bond0.toml:2: ipv4.use_mtu: it takes true or false"},
		{
			name: "what is used of no lease",
			file: "[ipv4]\naddresses = [\"192.0.2.10/24\"]\nuse_routes = false\nuse_dns = true\nuse_mtu = true",
			want: `bond0.toml:3: ipv4.use_routes: it means something with DHCP only; leave it out, or write method = "dhcp"
bond0.toml:4: ipv4.use_dns: it means something with DHCP only; leave it out, or write method = "dhcp"
bond0.toml:5: ipv4.use_mtu: it means something with DHCP only; leave it out, or write method = "dhcp"`,
		},
	})
}
