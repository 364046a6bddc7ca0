package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
)

// aHost is a completer of a machine with some names.
var aHost = completer{
	bonds: func() []string { return []string{"bond0", "office", "$(reboot)", "a b"} },
	members: func(bond string) []string {
		return map[string][]string{"bond0": {"eth0", "wlan0"}, "office": {"eth7"}}[bond]
	},
	devices:    func() []string { return []string{"eth0", "eth1", "wlan0"} },
	namespaces: func() []string { return []string{"blue", "lab"} },
}

func TestComplete(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"verb", "s", "status switch"},
		{"verb behind flags", "--verbose --netns lab e", "events"},
		{"no such verb", "x", ""},
		{"flag of every verb", "--n", "--netns"},
		{"flag of the verb and of every verb", "down --", "--verify --force --netns --verbose --help"},
		{"flag behind a name", "status bond0 --j", "--json"},
		{"flag that is there", "status --json --", "--all --watch --check --netns --verbose --help"},
		{"flag that is there with its value", "up --primary eth0 --primary", "--primary-reselect"},
		{"flag that can be repeated", "up --member eth0 --mem", "--member"},
		{"one dash", "down -", "--verify --force --netns --verbose --help"},
		{"no flag any more", "status -- --", ""},
		{"hidden flag", "daemon --r", ""},
		{"words", "up --fail-over-mac ", "auto none active follow"},
		{"words with a beginning", "up --fail-over-mac a", "auto active"},
		{"words behind an equals sign", "up --fail-over-mac=a", "--fail-over-mac=auto --fail-over-mac=active"},
		{"a value like a flag", "up --primary --", ""},
		{"no words", "up --miimon ", ""},
		{"file", "up --config ", ":files"},
		{"file behind an equals sign", "daemon --config=x", ":files"},
		{"namespace", "--netns ", "blue lab"},
		{"member", "up --member e", "eth0 eth1"},
		{"another member", "up --member eth0 --member=", "--member=eth0 --member=eth1 --member=wlan0"},
		{"primary", "up --primary w", "wlan0"},
		{"unknown flag", "up --frobnicate=", ""},
		{"bond", "down ", "bond0 office"},
		{"bond behind a flag", "down --force o", "office"},
		{"one bond alone", "down bond0 ", ""},
		{"bond behind dashes", "down -- ", "bond0 office"},
		{"member or bond", "switch ", "eth0 wlan0 bond0 office"},
		{"member of a bond", "switch office ", "eth7"},
		{"no third", "switch office eth7 ", ""},
		{"what to do with networks", "wifi ", "list scan join forget"},
		{"bond of a Wi-Fi member", "wifi --hidden join ", "bond0 office"},
		{"no names of networks", "wifi join bond0 ", ""},
		{"verb for help", "help ver", "version"},
		{"file of import", "import ", ":files"},
		{"running bond", "import --running ", "bond0 office"},
		{"strategy", "import --strategy ", "routes bond"},
		{"shell", "completion ", "bash fish zsh"},
		{"no names of another namespace", "--netns lab down ", ""},
		{"no members of another namespace", "up --netns=lab --member ", ""},
		{"no argument", "install-service ", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, word := range aHost.complete(strings.Split(tt.line, " ")) {
				got = append(got, word.text)
			}
			if diff := cmp.Diff(strings.Fields(tt.want), got, cmp.Transformer("joined", func(l []string) string { return strings.Join(l, " ") })); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		})
	}
	if got := aHost.complete(nil); got != nil {
		t.Errorf("no word at all: %v", got)
	}
}

// TestCompleteWords has every word that is offered for an option be one that it takes,
// and an option that takes words alone offer some.
func TestCompleteWords(t *testing.T) {
	for _, k := range bond.Keys() {
		value, _ := usageTexts(k.Usage)
		if k.Flag != k.Name || value != "WORD" {
			continue
		}
		words := aHost.complete([]string{"up", "--" + flagName(k.Name), ""})
		if len(words) < 2 {
			t.Errorf("%s: words %v", k.Name, words)
		}
		for _, word := range words {
			settings := []bond.Setting{
				{Key: "member", Value: []bond.Setting{{Key: "member.name", Value: "nope0"}, {Key: "member.wpa_conf", Value: "/nope"}}}, {Key: "arp_interval", Value: "1s"}, {Key: "arp_ip_target", Value: "192.0.2.1"},
				{Key: k.Name, Value: word.text},
			}
			if _, err := bond.NewConfig("testbond0", settings); err != nil {
				t.Errorf("%s: %q: %v", k.Name, word.text, err)
			}
		}
	}
}

// FuzzComplete offers nothing that the command line would refuse in that place.
func FuzzComplete(f *testing.F) {
	for _, line := range []string{"", "s", "up\n--member\n", "up\n--config=", "--netns\nlab\ndown\n", "switch\n--\n-", "help\n", "-\n=", "---\n--", "up\n--dns\n\n--w"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\n")
		before, last := words[:len(words)-1], words[len(words)-1]
		for _, offered := range aHost.complete(slices.Clone(words)) {
			if offered.text == filesWord {
				continue
			}
			if !strings.HasPrefix(offered.text, last) || strings.ContainsFunc(offered.text, isShells) {
				t.Errorf("%q: offers %q", words, offered.text)
			}
			app := newApp(io.Discard, io.Discard)
			if _, err := arrange(app, before); err != nil && !strings.Contains(err.Error(), "wants a value") {
				continue // there was a mistake before
			}
			if _, err := arrange(app, append(slices.Clone(before), offered.text)); err != nil && !strings.Contains(err.Error(), "wants a value") {
				t.Errorf("%q: offers %q, and %v", words, offered.text, err)
			}
		}
	})
}
