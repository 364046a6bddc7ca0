package main

import "testing"

func TestRefusedTimes(t *testing.T) {
	refuse(t, upMember, []refusal{
		{name: "a word", args: []string{"--miimon=soon"}, want: `--miimon: "soon"` + notATime},
		{name: "negative", args: []string{"--miimon=-1"}, want: `--miimon: "-1"` + notATime},
		{name: "negative duration", args: []string{"--updelay=-4s"}, want: `--updelay: "-4s"` + notATime},
		{
			name: "fraction of a millisecond",
			args: []string{"--downdelay=0.5ms"},
			want: `--downdelay: "0.5ms" is finer than the kernel's milliseconds; write it in whole ones`,
		},
		{name: "microseconds", args: []string{"--miimon=100us"}, want: `--miimon: "100us" is finer than the kernel's milliseconds; write it in whole ones`},
		{name: "without a unit", args: []string{"--peer-notif-delay=1.5"}, want: `--peer-notif-delay: "1.5"` + notATime},
		{name: "one beyond the greatest", args: []string{"--miimon=2147483648"}, want: `--miimon: "2147483648"` + notATime},
		{name: "beyond 64 bits", args: []string{"--miimon=99999999999999999999"}, want: `--miimon: "99999999999999999999"` + notATime},
		{name: "duration beyond the greatest", args: []string{"--updelay=597h"}, want: `--updelay: "597h"` + notATime},
		{name: "duration beyond 64 bits", args: []string{"--updelay=9999999h"}, want: `--updelay: "9999999h"` + notATime},
		{name: "hexadecimal", args: []string{"--miimon=0x64"}, want: `--miimon: "0x64"` + notATime},
		{name: "empty", args: []string{"--miimon="}, want: `--miimon: ""` + notATime},
		{name: "blank", args: []string{"--miimon=100 ms"}, want: `--miimon: "100 ms"` + notATime},
		{name: "often", args: []string{"--arp-interval=often", "--arp-ip-target=192.0.2.1"}, want: `--arp-interval: "often"` + notATime},
	})
}

func TestRefusedNumbers(t *testing.T) {
	refuse(t, upMember, []refusal{
		{name: "one too many", args: []string{"--num-grat-arp=256"}, want: `--num-grat-arp: "256" is not a whole number from 0 to 255`},
		{name: "negative count", args: []string{"--num-grat-arp=-1"}, want: `--num-grat-arp: "-1" is not a whole number from 0 to 255`},
		{name: "fraction", args: []string{"--resend-igmp=1.5"}, want: `--resend-igmp: "1.5" is not a whole number from 0 to 255`},
		{
			name: "overflow",
			args: []string{"--resend-igmp=99999999999999999999"},
			want: `--resend-igmp: "99999999999999999999" is not a whole number from 0 to 255`,
		},
		{name: "not a bit", args: []string{"--all-slaves-active=2"}, want: `--all-slaves-active: "2" is not a whole number from 0 to 1`},
		{name: "word for a bit", args: []string{"--all-slaves-active=yes"}, want: `--all-slaves-active: "yes" is not a whole number from 0 to 1`},
		{name: "one too few", args: []string{"--arp-missed-max=0"}, want: `--arp-missed-max: "0" is not a whole number from 1 to 255`},
		{name: "word for a number", args: []string{"--arp-missed-max=few"}, want: `--arp-missed-max: "few" is not a whole number from 1 to 255`},
		{name: "mtu too small", args: []string{"--mtu=67"}, want: `--mtu: "67" is not a whole number from 68 to 65535`},
		{name: "mtu too great", args: []string{"--mtu=65536"}, want: `--mtu: "65536" is not a whole number from 68 to 65535`},
		{name: "mtu with a unit", args: []string{"--mtu=9k"}, want: `--mtu: "9k" is not a whole number from 68 to 65535`},
		{
			name: "mtu too small for ipv6",
			args: []string{"--mtu=1279", "--address=2001:db8::2/64"},
			want: "--mtu: IPv6 wants 1280 at least, and the bond is to have an IPv6 address; name a greater one",
		},
	})
}

func TestRefusedWords(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "primary_reselect",
			args: []string{"--primary-reselect=sometimes"},
			want: `--primary-reselect: "sometimes" is none of its values; it takes always, better or failure`,
		},
		{
			name: "upper case",
			args: []string{"--primary-reselect=Always"},
			want: `--primary-reselect: "Always" is none of its values; it takes always, better or failure`,
		},
		{
			name: "number for a word",
			args: []string{"--primary-reselect=0"},
			want: `--primary-reselect: "0" is none of its values; it takes always, better or failure`,
		},
		{
			name: "fail_over_mac",
			args: []string{"--fail-over-mac=stable"},
			want: `--fail-over-mac: "stable" is none of its values; it takes auto, none, active or follow`,
		},
		{
			name: "arp_validate",
			args: []string{"--arp-validate=filter-active", "--arp-interval=1s", "--arp-ip-target=192.0.2.1"},
			want: `--arp-validate: "filter-active" is none of its values; it takes none, active, backup, all, filter, filter_active or filter_backup`,
		},
		{name: "arp_all_targets", args: []string{"--arp-all-targets=some"}, want: `--arp-all-targets: "some" is none of its values; it takes any or all`},
		{name: "empty word", args: []string{"--arp-all-targets="}, want: `--arp-all-targets: "" is none of its values; it takes any or all`},
	})
}

func TestRefusedTargets(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "a name",
			args: []string{"--arp-interval=1s", "--arp-ip-target=router"},
			want: `--arp-ip-target: "router" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`,
		},
		{
			name: "no address",
			args: []string{"--arp-interval=1s", "--arp-ip-target=192.0.2.256"},
			want: `--arp-ip-target: "192.0.2.256" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`,
		},
		{
			name: "with a prefix length",
			args: []string{"--arp-interval=1s", "--arp-ip-target=192.0.2.1/24"},
			want: `--arp-ip-target: "192.0.2.1/24" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`,
		},
		{
			name: "everybody",
			args: []string{"--arp-interval=1s", "--arp-ip-target=255.255.255.255"},
			want: "--arp-ip-target: 255.255.255.255 is not the address of one host; name one that answers",
		},
		{
			name: "nobody",
			args: []string{"--arp-interval=1s", "--arp-ip-target=::"},
			want: "--arp-ip-target: :: is not the address of one host; name one that answers",
		},
		{
			name: "a group",
			args: []string{"--arp-interval=1s", "--arp-ip-target=ff02::1"},
			want: "--arp-ip-target: ff02::1 is not the address of one host; name one that answers",
		},
		{
			name: "with a zone",
			args: []string{"--arp-interval=1s", "--arp-ip-target=fe80::1%eth0"},
			want: `--arp-ip-target: "fe80::1%eth0" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`,
		},
		{
			name: "a list",
			args: []string{"--arp-interval=1s", "--arp-ip-target=192.0.2.1,192.0.2.2"},
			want: `--arp-ip-target: "192.0.2.1,192.0.2.2" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1`,
		},
		{
			name: "twice",
			args: []string{"--arp-interval=1s", "--arp-ip-target=192.0.2.1", "--arp-ip-target=192.0.2.1"},
			want: "--arp-ip-target: 192.0.2.1 is there twice",
		},
		{
			name: "seventeen",
			args: []string{"--arp-interval=1s", "--arp-ip-target=192.0.2.1", "--arp-ip-target=192.0.2.2", "--arp-ip-target=192.0.2.3", "--arp-ip-target=192.0.2.4", "--arp-ip-target=192.0.2.5", "--arp-ip-target=192.0.2.6", "--arp-ip-target=192.0.2.7", "--arp-ip-target=192.0.2.8", "--arp-ip-target=192.0.2.9", "--arp-ip-target=192.0.2.10", "--arp-ip-target=192.0.2.11", "--arp-ip-target=192.0.2.12", "--arp-ip-target=192.0.2.13", "--arp-ip-target=192.0.2.14", "--arp-ip-target=192.0.2.15", "--arp-ip-target=192.0.2.16", "--arp-ip-target=192.0.2.17"},
			want: "--arp-ip-target: 192.0.2.17 is one too many; the kernel takes 16 of a family",
		},
	})
}

func TestRefusedContradictions(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "two monitors",
			args: []string{"--miimon=100", "--arp-interval=1000", "--arp-ip-target=192.0.2.1"},
			want: "--arp-interval: miimon and arp_interval exclude each other; leave one of them out",
		},
		{
			name: "nobody to ask",
			args: []string{"--arp-interval=1000"},
			want: "--arp-interval: ARP monitoring needs somebody to ask; name one or more with arp_ip_target",
		},
		{
			name: "nothing to ask with",
			args: []string{"--arp-ip-target=192.0.2.1"},
			want: "--arp-ip-target: it means something with arp_interval only; name that as well, or leave arp_ip_target out",
		},
		{
			name: "validation of nothing",
			args: []string{"--arp-validate=all"},
			want: "--arp-validate: it means something with arp_interval only; name that as well, or leave arp_validate out",
		},
		{
			name: "delay without miimon",
			args: []string{"--updelay=4s", "--arp-interval=1s", "--arp-ip-target=192.0.2.1"},
			want: "--updelay: delays are counted in miimon, which is off with arp_interval; leave updelay out",
		},
		{
			name: "both delays without miimon",
			args: []string{"--downdelay=4s", "--peer-notif-delay=1s", "--arp-interval=1s", "--arp-ip-target=192.0.2.1"},
			want: lines(
				"--downdelay: delays are counted in miimon, which is off with arp_interval; leave downdelay out",
				"--peer-notif-delay: delays are counted in miimon, which is off with arp_interval; leave peer_notif_delay out",
			),
		},
		{
			name: "no monitor",
			args: []string{"--miimon=0"},
			want: "--miimon: 0 switches monitoring off, and the bond would never fail over; name a time such as 100ms, or use arp_interval",
		},
		{
			name: "no monitor at all",
			args: []string{"--miimon=0", "--arp-interval=0", "--arp-ip-target=2001:db8::1"},
			want: lines(
				"--miimon: 0 switches monitoring off, and the bond would never fail over; name a time such as 100ms, or use arp_interval",
				"--arp-ip-target: it means something with arp_interval only; name that as well, or leave arp_ip_target out",
			),
		},
		{
			name: "a mac that changes",
			args: []string{"--mac=02:00:5e:10:00:01", "--fail-over-mac=active"},
			want: "--mac: with fail_over_mac active the bond carries its active slave's address, so it can't have one of its own; leave mac out, or choose fail_over_mac none",
		},
		{
			name: "a stable mac that changes",
			args: []string{"--mac=stable", "--fail-over-mac=active"},
			want: "--mac: with fail_over_mac active the bond carries its active slave's address, so it can't have one of its own; leave mac out, or choose fail_over_mac none",
		},
	})
}
