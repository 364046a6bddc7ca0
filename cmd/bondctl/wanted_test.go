package main

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// wanted is the configuration that an up would get.
func wanted(t *testing.T, args ...string) bond.Config {
	t.Helper()
	var wanted *bond.Wanted
	app := newApp(io.Discard, io.Discard)
	app.Command("up").Action = func(c *cli.Context) error {
		name, err := bondName(c)
		if err == nil {
			wanted, err = namedConfig(c, name)
		}
		return err
	}
	line, err := arrange(app, append([]string{"up"}, args...))
	if err == nil {
		err = app.RunContext(t.Context(), append([]string{app.Name}, line.args()...))
	}
	if err != nil || wanted == nil {
		t.Fatalf("%q: %v", args, err)
	}
	return wanted.Config
}

// byValue has cmp compare addresses by ==: their fields are their own.
var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

const laptopFile = `
primary = "nope0"
miimon = 50
fail_over_mac = "active"

[[member]]
name = "nope0"

[[member]]
name = "nope1"
prio = 9

[ipv4]
addresses = ["192.0.2.10/24"]
`

// TestWantedForms writes the same in different ways; bond has tests of what a
// configuration means.
func TestWantedForms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "laptop.toml")
	if err := os.WriteFile(path, []byte(laptopFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, form, same string
	}{
		{"flags behind the name", "testbond0 --member nope0 --once", "--member nope0 --once testbond0"},
		{"flags around the name", "--once testbond0 --member nope0", "--member nope0 testbond0"},
		{"equals sign", "--member=nope0 testbond0 --mtu=9000", "--member nope0 testbond0 --mtu 9000"},
		{"dashes", "--member nope0 -- testbond0", "--member nope0 testbond0"},
		{"one dash", "-member nope0 testbond0", "--member nope0 testbond0"},
		{"flags for every verb", "--verbose --member nope0 testbond0", "--member nope0 testbond0"},
		{"the name of the file is nobody's", "testbond0 --config FILE", "testbond0 --primary nope0 --miimon 50 --fail-over-mac active --member nope0 --member nope1,prio=9 --address 192.0.2.10/24"},
		{"milliseconds and durations", "testbond0 --member nope0 --miimon 100 --updelay 4000", "testbond0 --member nope0 --miimon 100ms --updelay 4s"},
		{"the flag wins", "testbond0 --config FILE --miimon 200", "testbond0 --miimon 200ms --primary nope0 --fail-over-mac active --member nope0 --member nope1,prio=9 --address 192.0.2.10/24"},
		{"members as a whole", "testbond0 --config FILE --member nope0", "testbond0 --member nope0 --primary nope0 --miimon 50 --fail-over-mac active --address 192.0.2.10/24"},
		{"addresses as a whole", "testbond0 --config FILE --address 2001:db8::2/64", "testbond0 --address 2001:db8::2/64 --primary nope0 --miimon 50 --fail-over-mac active --member nope0 --member nope1,prio=9"},
		{"back to auto", "testbond0 --config FILE --fail-over-mac auto", "testbond0 --primary nope0 --miimon 50 --member nope0 --member nope1,prio=9 --address 192.0.2.10/24"},
		{"the last of two", "testbond0 --member nope0 --mtu 9000 --mtu 1400", "testbond0 --member nope0 --mtu 1400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := wanted(t, strings.Fields(strings.ReplaceAll(tt.form, "FILE", path))...)
			if diff := cmp.Diff(wanted(t, strings.Fields(tt.same)...), got, byValue); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWanted(t *testing.T) {
	got := wanted(t, "testbond0", "--member", "nope0,prio=-1", "--member", "nope1", "--primary", "nope1",
		"--primary-reselect=better", "--fail-over-mac=none", "--arp-interval", "1s", "--arp-ip-target", "192.0.2.1",
		"--arp-ip-target", "2001:db8::1", "--arp-validate", "filter_backup", "--arp-all-targets", "all", "--arp-missed-max", "3",
		"--num-grat-arp", "0", "--resend-igmp", "255", "--all-slaves-active", "1", "--mac", "02-00-5E-10-00-01", "--mtu", "68",
		"--address", "192.0.2.10/24", "--address", "198.51.100.10/31", "--gateway", "192.0.2.1", "--gateway", "fe80::1")
	want := bond.Config{
		Name:    "testbond0",
		Members: []bond.Member{{Name: "nope0", Prio: new(int32(-1))}, {Name: "nope1"}},
		Primary: "nope1",
		Options: bond.Options{
			PrimaryReselect: new(bond.ReselectBetter),
			FailOverMAC:     new(bond.FailOverMACNone),
			ARPInterval:     new(bond.Millis(1000)),
			ARPIPTarget:     []netip.Addr{netip.MustParseAddr("192.0.2.1")},
			NSIP6Target:     []netip.Addr{netip.MustParseAddr("2001:db8::1")},
			ARPValidate:     new(bond.ARPValidate("filter_backup")),
			ARPAllTargets:   new(bond.ARPAllTargets("all")),
			ARPMissedMax:    new(3),
			NumGratARP:      new(0),
			ResendIGMP:      new(255),
			AllSlavesActive: new(1),
		},
		MAC:       bond.HardwareAddr{2, 0, 0x5e, 0x10, 0, 1},
		MTU:       68,
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("198.51.100.10/31")},
		Gateways:  []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1")},
	}
	if diff := cmp.Diff(want, got, byValue); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}
