package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A refusal is a command line that can't be meant, or a configuration file.
type refusal struct {
	name string
	args []string
	file string // what --config is to read
	want string // of stderr, without what begins each line
	hint string
}

// How a refused up begins. It is a dry run, and its interfaces don't exist: one
// that is let pass by mistake changes nothing.
var (
	upAlone  = []string{"up", "--dry-run", "testbond0"}
	upMember = []string{"up", "--dry-run", "testbond0", "--member=nope0"}
)

// What many messages end with.
const (
	notATime = " is not a time from 0 to 2147483647 ms; write a duration such as 100ms or 4s, or a number of milliseconds"
	notInt32 = " is not a whole number from -2147483648 to 2147483647"
	topKeys  = "address, all_slaves_active, arp_all_targets, arp_interval, arp_ip_target, arp_missed_max, arp_validate, dhcp, dns, " +
		"downdelay, fail_over_mac, gateway, ipv4, ipv6, mac, member, miimon, mtu, num_grat_arp, peer_notif_delay, " +
		"primary, primary_reselect, resend_igmp, updelay"
)

var allVerbs = verbs(newApp(io.Discard, io.Discard))

func lines(list ...string) string { return strings.Join(list, "\n") }

// refuse has each case refused with status 2 and just its message.
func refuse(t *testing.T, begin []string, cases []refusal) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			args := append(begin[:len(begin):len(begin)], tt.args...)
			folder := t.TempDir() + string(filepath.Separator)
			if tt.file != "" {
				if err := os.WriteFile(folder+"bond0.toml", []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", folder+"bond0.toml")
			}
			var stdout, stderr bytes.Buffer
			if status := run(t.Context(), args, &stdout, &stderr); status != exitUsage {
				t.Errorf("exit status %d, want %d", status, exitUsage)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout: %q, want nothing", stdout.String())
			}
			got := strings.ReplaceAll(stderr.String(), folder, "")
			if diff := cmp.Diff(said(tt.want, tt.hint), got); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

// said is how the program says an error of one or several lines, and a hint.
func said(message, hint string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(message, "\n") {
		b.WriteString("bondctl: error: " + line + "\n")
	}
	if hint != "" {
		b.WriteString("bondctl: hint: " + hint + "\n")
	}
	return b.String()
}

func TestRefusedCommandLines(t *testing.T) {
	refuse(t, nil, []refusal{
		{name: "nothing", args: []string{}, want: "no verb is named; there are " + allVerbs, hint: "bondctl --help"},
		{
			name: "a line in a verb",
			args: []string{"start\nbondctl: error: all is lost"},
			want: `unknown verb "start\nbondctl: error: all is lost"; there are ` + allVerbs,
			hint: "bondctl --help",
		},
		{
			name: "a line in a flag",
			args: []string{"status", "--start\nall is lost"},
			want: `unknown flag --start\nall is lost of status`,
			hint: "bondctl status --help",
		},
		{name: "misspelt verb", args: []string{"stats"}, want: `unknown verb "stats"; did you mean status?`, hint: "bondctl --help"},
		{name: "unknown verb", args: []string{"start"}, want: `unknown verb "start"; there are ` + allVerbs, hint: "bondctl --help"},
		{name: "help is no verb", args: []string{"help"}, want: `unknown verb "help"; there are ` + allVerbs, hint: "bondctl --help"},
		{name: "a dash for a verb", args: []string{"-"}, want: `unknown verb "-"; there are ` + allVerbs, hint: "bondctl --help"},
		{name: "unknown flag before the verb", args: []string{"--quiet", "status"}, want: "unknown flag --quiet", hint: "bondctl --help"},
		{
			name: "flag of a verb before it",
			args: []string{"--json", "status"},
			want: "--json is a flag of status; write it behind the verb",
			hint: "bondctl status --help",
		},
		{
			name: "flag of up before it",
			args: []string{"--member", "eth0", "up"},
			want: "--member is a flag of up; write it behind the verb",
			hint: "bondctl up --help",
		},
		{name: "namespace without a name", args: []string{"--netns"}, want: "--netns wants a value, as in --netns NAME", hint: "bondctl --help"},
		{
			name: "namespace with a path",
			args: []string{"--netns", "../x", "status"},
			want: `--netns: "../x" is not a namespace's name; ip netns list shows those there are`,
			hint: "bondctl --help",
		},
		{
			name: "namespace empty",
			args: []string{"--netns=", "status"},
			want: `--netns: "" is not a namespace's name; ip netns list shows those there are`,
			hint: "bondctl --help",
		},
		{
			name: "namespace is the folder",
			args: []string{"--netns", "..", "status"},
			want: `--netns: ".." is not a namespace's name; ip netns list shows those there are`,
			hint: "bondctl --help",
		},
		{
			name: "value for verbose",
			args: []string{"--verbose=1", "status"},
			want: `--verbose takes no value, and was given "1"; write --verbose alone`,
			hint: "bondctl --help",
		},
		{
			name: "up surplus",
			args: []string{"up", "testbond0", "eth0", "--member", "nope0", "--dry-run"},
			want: `"eth0" is one argument too many; write bondctl up [NAME]`,
			hint: "bondctl up --help",
		},
		{
			name: "up surplus behind dashes",
			args: []string{"up", "--dry-run", "--member", "nope0", "--", "testbond0", "--once"},
			want: `"--once" is one argument too many; write bondctl up [NAME]`,
			hint: "bondctl up --help",
		},
		{
			name: "up name with percent",
			args: []string{"up", "bond%d", "--member", "nope0", "--dry-run"},
			want: `invalid interface name "bond%d": contains a percent sign or a comma`,
		},
		{
			name: "up name like a flag",
			args: []string{"up", "--dry-run", "--member", "nope0", "--", "--once"},
			want: `invalid interface name "--once": looks like a flag`,
		},
		{name: "up name empty", args: []string{"up", "--dry-run", "--member", "nope0", ""}, want: `invalid interface name "": empty`},
		{
			name: "up name with a slash",
			args: []string{"up", "--dry-run", "--member", "nope0", "../testbond0"},
			want: `invalid interface name "../testbond0": contains a slash, a colon or a zero byte`,
		},
		{
			name: "up name too long",
			args: []string{"up", "--dry-run", "--member", "nope0", "testbond012345678"},
			want: `invalid interface name "testbond012345678": longer than 15 bytes`,
		},
		{
			name: "up name of the kernel",
			args: []string{"up", "--dry-run", "--member", "nope0", "bonding_masters"},
			want: `invalid interface name "bonding_masters": used by the kernel itself`,
		},
		{
			name: "up without anything",
			args: []string{"up", "testbond0", "--dry-run"},
			want: "nothing says what is wanted of testbond0: no flag, no /etc/bondctl/testbond0.toml, and no up before",
			hint: "bondctl up testbond0 --primary eth0 --member eth0 --member wlan0",
		},
		{
			name: "down surplus",
			args: []string{"down", "testbond0", "eth0"},
			want: `"eth0" is one argument too many; write bondctl down [NAME]`,
			hint: "bondctl down --help",
		},
		{name: "down flag", args: []string{"down", "testbond0", "--dry-run"}, want: "unknown flag --dry-run of down", hint: "bondctl down --help"},
		{name: "down name", args: []string{"down", "testbond/0"}, want: `invalid interface name "testbond/0": contains a slash, a colon or a zero byte`},
		{name: "switch alone", args: []string{"switch"}, want: "no member is named; write bondctl switch [NAME] MEMBER", hint: "bondctl switch --help"},
		{
			name: "switch surplus",
			args: []string{"switch", "testbond0", "nope0", "nope1"},
			want: `"nope1" is one argument too many; write bondctl switch [NAME] MEMBER`,
			hint: "bondctl switch --help",
		},
		{name: "switch empty", args: []string{"switch", "testbond0", ""}, want: `invalid interface name "": empty`},
		{name: "switch name", args: []string{"switch", "bond 0", "nope0"}, want: `invalid interface name "bond 0": contains white space`},
		{
			name: "status surplus",
			args: []string{"status", "testbond0", "nope0"},
			want: `"nope0" is one argument too many; write bondctl status [NAME]`,
			hint: "bondctl status --help",
		},
		{
			name: "status all and one",
			args: []string{"status", "--all", "testbond0"},
			want: "--all and a bond's name exclude each other; leave one of them out",
			hint: "bondctl status --help",
		},
		{name: "status flag", args: []string{"status", "--force"}, want: "unknown flag --force of status", hint: "bondctl status --help"},
		{name: "status name", args: []string{"status", "bond0:1"}, want: `invalid interface name "bond0:1": contains a slash, a colon or a zero byte`},
	})
}

// TestRefusedChecks has status --check tell what went wrong from what it found.
func TestRefusedChecks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		status int
	}{
		{"surplus argument", []string{"status", "--check", "testbond0", "nope0"}, checkFailed},
		{"unknown flag before it", []string{"status", "--frobnicate", "--check"}, checkFailed},
		{"unknown flag behind it", []string{"status", "-check", "--frobnicate"}, checkFailed},
		{"no value", []string{"status", "--check", "--netns"}, checkFailed},
		{"watch", []string{"status", "--watch", "--check", "testbond0"}, checkFailed},
		{"all and one", []string{"status", "--all", "--check", "testbond0"}, checkFailed},
		{"bad name", []string{"status", "--check", "test/bond"}, checkFailed},
		{"no such bond", []string{"status", "--check", "testbond0"}, checkFailed},
		{"argument of that name", []string{"status", "--", "--check"}, exitUsage},
		{"flag of another verb", []string{"up", "--dry-run", "status", "--check"}, exitUsage},
		{"unknown verb", []string{"stat", "--check"}, exitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(t.Context(), tt.args, &stdout, &stderr); got != tt.status {
				t.Errorf("exit status %d, want %d: %s", got, tt.status, &stderr)
			}
			if stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "bondctl: error: ") {
				t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
			}
		})
	}
}
