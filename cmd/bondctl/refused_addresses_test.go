package main

import "testing"

func TestRefusedMACs(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "a word for a mac",
			args: []string{"--mac=random"},
			want: `--mac: "random" is not a MAC address; write one such as 02:00:5e:10:00:01, or stable`,
		},
		{
			name: "five bytes",
			args: []string{"--mac=02:00:5e:10:00"},
			want: `--mac: "02:00:5e:10:00" is not a MAC address; write one such as 02:00:5e:10:00:01, or stable`,
		},
		{
			name: "eight bytes",
			args: []string{"--mac=02:00:5e:10:00:00:00:01"},
			want: `--mac: "02:00:5e:10:00:00:00:01" is not a MAC address; write one such as 02:00:5e:10:00:01, or stable`,
		},
		{
			name: "multicast",
			args: []string{"--mac=01:00:5e:00:00:01"},
			want: "--mac: 01:00:5e:00:00:01 is a multicast address, no interface's; write one such as 02:00:5e:10:00:01, or stable",
		},
		{
			name: "zero",
			args: []string{"--mac=00:00:00:00:00:00"},
			want: "--mac: 00:00:00:00:00:00 is no interface's address; write one such as 02:00:5e:10:00:01, or stable",
		},
	})
}

func TestRefusedAddresses(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "no prefix length",
			args: []string{"--address=192.0.2.10"},
			want: "--address: 192.0.2.10 has no prefix length; write it with one, such as 192.0.2.10/24",
		},
		{
			name: "no prefix length of ipv6",
			args: []string{"--address=2001:db8::10"},
			want: "--address: 2001:db8::10 has no prefix length; write it with one, such as 2001:db8::10/64",
		},
		{
			name: "a host name",
			args: []string{"--address=laptop/24"},
			want: `--address: "laptop/24" is not an address with its prefix length; write one such as 192.0.2.10/24`,
		},
		{
			name: "not an address",
			args: []string{"--address=192.0.2.300/24"},
			want: `--address: "192.0.2.300/24" is not an address with its prefix length; write one such as 192.0.2.10/24`,
		},
		{
			name: "octal",
			args: []string{"--address=192.0.2.010/24"},
			want: `--address: "192.0.2.010/24" is not an address with its prefix length; write one such as 192.0.2.10/24`,
		},
		{
			name: "prefix length too great",
			args: []string{"--address=192.0.2.10/33"},
			want: `--address: "192.0.2.10/33" is not an address with its prefix length; write one such as 192.0.2.10/24`,
		},
		{
			name: "netmask",
			args: []string{"--address=192.0.2.10/255.255.255.0"},
			want: `--address: "192.0.2.10/255.255.255.0" is not an address with its prefix length; write one such as 192.0.2.10/24`,
		},
		{
			name: "the network's own",
			args: []string{"--address=192.0.2.0/24"},
			want: "--address: 192.0.2.0/24 is its network's own or its broadcast address; write the host's",
		},
		{
			name: "the broadcast address",
			args: []string{"--address=192.0.2.255/24"},
			want: "--address: 192.0.2.255/24 is its network's own or its broadcast address; write the host's",
		},
		{
			name: "unspecified",
			args: []string{"--address=0.0.0.0/8"},
			want: "--address: 0.0.0.0/8 is not the address of one host on a network; write one such as 192.0.2.10/24",
		},
		{
			name: "loopback",
			args: []string{"--address=127.0.0.1/8"},
			want: "--address: 127.0.0.1/8 is not the address of one host on a network; write one such as 192.0.2.10/24",
		},
		{
			name: "loopback of ipv6",
			args: []string{"--address=::1/128"},
			want: "--address: ::1/128 is not the address of one host on a network; write one such as 192.0.2.10/24",
		},
		{
			name: "a multicast group",
			args: []string{"--address=224.0.0.1/24"},
			want: "--address: 224.0.0.1/24 is not the address of one host on a network; write one such as 192.0.2.10/24",
		},
		{
			name: "limited broadcast",
			args: []string{"--address=255.255.255.255/32"},
			want: "--address: 255.255.255.255/32 is not the address of one host on a network; write one such as 192.0.2.10/24",
		},
		{
			name: "mapped",
			args: []string{"--address=::ffff:192.0.2.1/120"},
			want: "--address: ::ffff:192.0.2.1/120 is an IPv4 address written as IPv6; write it as IPv4",
		},
		{
			name: "the whole internet",
			args: []string{"--address=192.0.2.10/0"},
			want: "--address: 192.0.2.10/0 makes the whole internet the bond's own network; write the network's prefix length, such as 192.0.2.10/24",
		},
		{
			name: "zone",
			args: []string{"--address=fe80::1%eth0/64"},
			want: `--address: "fe80::1%eth0/64" is not an address with its prefix length; write one such as 192.0.2.10/24`,
		},
		{
			name: "the same twice",
			args: []string{"--address=192.0.2.10/24", "--address=192.0.2.10/25"},
			want: "--address: 192.0.2.10 is there twice; name it once",
		},
		{
			name: "two in one",
			args: []string{"--address=192.0.2.10/24,192.0.2.11/24"},
			want: `--address: "192.0.2.10/24,192.0.2.11/24" is not an address with its prefix length; write one such as 192.0.2.10/24`,
		},
	})
}

func TestRefusedGateways(t *testing.T) {
	refuse(t, upMember, []refusal{
		{
			name: "a name for a gateway",
			args: []string{"--address=192.0.2.10/24", "--gateway=router"},
			want: `--gateway: "router" is not a gateway's address; write one such as 192.0.2.1`,
		},
		{
			name: "prefix length of a gateway",
			args: []string{"--address=192.0.2.10/24", "--gateway=192.0.2.1/24"},
			want: `--gateway: "192.0.2.1/24" is not a gateway's address; write one such as 192.0.2.1`,
		},
		{
			name: "out of reach",
			args: []string{"--address=192.0.2.10/24", "--gateway=198.51.100.1"},
			want: "--gateway: 198.51.100.1 is in none of the bond's networks, so it can't be reached; give the bond an address beside it with --address",
		},
		{
			name: "without an address",
			args: []string{"--gateway=192.0.2.1"},
			want: "--gateway: 192.0.2.1 is in none of the bond's networks, so it can't be reached; give the bond an address beside it with --address",
		},
		{
			name: "of the other family",
			args: []string{"--address=192.0.2.10/24", "--gateway=2001:db8::1"},
			want: "--gateway: 2001:db8::1 is in none of the bond's networks, so it can't be reached; give the bond an address beside it with --address",
		},
		{
			name: "itself a gateway",
			args: []string{"--address=192.0.2.10/24", "--gateway=192.0.2.10"},
			want: "--gateway: 192.0.2.10 is the bond's own address; name the router's",
		},
		{
			name: "two of a family",
			args: []string{"--address=192.0.2.10/24", "--gateway=192.0.2.1", "--gateway=192.0.2.2"},
			want: "--gateway: 192.0.2.1 and 192.0.2.2: there is one default route of a family; name one of them",
		},
		{
			name: "broadcast for a gateway",
			args: []string{"--address=192.0.2.10/24", "--gateway=192.0.2.255"},
			want: "--gateway: 192.0.2.255 is the own or the broadcast address of the network 192.0.2.0/24; name the router's",
		},
		{
			name: "link-local of ipv4",
			args: []string{"--gateway=169.254.1.1"},
			want: "--gateway: 169.254.1.1 is in none of the bond's networks, so it can't be reached; give the bond an address beside it with --address",
		},
		{
			name: "a group for a gateway",
			args: []string{"--gateway=224.0.0.1"},
			want: `--gateway: "224.0.0.1" is not a gateway's address; write one such as 192.0.2.1`,
		},
	})
}
