package main

import "testing"

func TestRefusedMembers(t *testing.T) {
	refuse(t, upAlone, []refusal{
		{
			name: "none",
			args: []string{"--miimon=100"},
			want: `member: a bond wants at least one, and none is named; add --member eth0, or [[member]] and name = "eth0" in the file`,
		},
		{name: "no name", args: []string{"--member="}, want: "--member: the name is empty; write that of an interface, such as eth0"},
		{name: "comma alone", args: []string{"--member=,"}, want: "--member: the name is empty; write that of an interface, such as eth0"},
		{name: "too long", args: []string{"--member=enx0011223344556"}, want: `--member: invalid interface name "enx0011223344556": longer than 15 bytes`},
		{name: "slash", args: []string{"--member=net/eth0"}, want: `--member: invalid interface name "net/eth0": contains a slash, a colon or a zero byte`},
		{name: "blank in a name", args: []string{"--member=eth 0"}, want: `--member: invalid interface name "eth 0": contains white space`},
		{
			name: "control character",
			args: []string{"--member=eth\x1b0"},
			want: `--member: invalid interface name "eth\x1b0": contains characters that can't be printed`,
		},
		{name: "percent", args: []string{"--member=eth%d"}, want: `--member: invalid interface name "eth%d": contains a percent sign or a comma`},
		{name: "alias", args: []string{"--member=eth0:1"}, want: `--member: invalid interface name "eth0:1": contains a slash, a colon or a zero byte`},
		{name: "flag for a name", args: []string{"--member", "--primary"}, want: `--member: invalid interface name "--primary": looks like a flag`},
		{name: "the kernel's", args: []string{"--member=all"}, want: `--member: invalid interface name "all": used by the kernel itself`},
		{name: "folder", args: []string{"--member=.."}, want: `--member: invalid interface name "..": a directory`},
		{
			name: "pattern",
			args: []string{"--member=eth[01]"},
			want: `--member: "eth[01]": of patterns only * is known, for any characters`,
		},
		{
			name: "several at once",
			args: []string{"--member=eth0,wlan0"},
			want: `--member: "eth0,wlan0": after the comma comes prio=N; for several members repeat the flag: --member eth0 --member NAME`,
		},
		{
			name: "comma at the end",
			args: []string{"--member=eth0,"},
			want: `--member: "eth0,": after the comma comes prio=N; for several members repeat the flag: --member eth0 --member NAME`,
		},
		{
			name: "unknown part",
			args: []string{"--member=eth0,priority=1"},
			want: `--member: "eth0,priority=1": after the comma comes prio=N; for several members repeat the flag: --member eth0 --member NAME`,
		},
		{name: "prio a word", args: []string{"--member=eth0,prio=high"}, want: `--member: prio: "high"` + notInt32},
		{name: "prio empty", args: []string{"--member=eth0,prio="}, want: `--member: prio: ""` + notInt32},
		{name: "prio a fraction", args: []string{"--member=eth0,prio=1.5"}, want: `--member: prio: "1.5"` + notInt32},
		{name: "prio beyond 32 bits", args: []string{"--member=eth0,prio=2147483648"}, want: `--member: prio: "2147483648"` + notInt32},
		{name: "two prios", args: []string{"--member=eth0,prio=1,prio=2"}, want: `--member: prio: "1,prio=2"` + notInt32},
		{
			name: "there twice",
			args: []string{"--member=nope0", "--member=nope1", "--member=nope0,prio=3"},
			want: "--member: nope0 is there twice; name it once",
		},
		{
			name: "itself",
			args: []string{"--member=testbond0"},
			want: "--member: testbond0 can't be a member of itself; name the interface that carries its traffic",
		},
		{
			name: "primary is none",
			args: []string{"--member=nope0", "--primary=nope1"},
			want: "--primary: nope1 is not among the members (nope0); name one of them, or make it one",
		},
		{
			name: "primary empty",
			args: []string{"--member=nope0", "--primary="},
			want: "--primary: the name is empty; write that of an interface, such as eth0",
		},
		{
			name: "primary a list",
			args: []string{"--member=nope0", "--member=nope1", "--primary=nope0,nope1"},
			want: `--primary: invalid interface name "nope0,nope1": contains a percent sign or a comma`,
		},
	})
}
