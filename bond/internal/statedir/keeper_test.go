package statedir

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

func TestKeeper(t *testing.T) {
	d := Of(t.TempDir(), "bond0")
	if k, kept, err := d.Keeper(); kept || err != nil {
		t.Fatalf("there is no keeper, and yet: %+v, %v", k, err)
	}
	self, err := statefile.Self()
	if err != nil {
		t.Fatal(err)
	}
	want := Keeper{
		Process: self, Lent: Lent{GatewayMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}}, Active: "eth0", ActiveSince: time.Unix(1, 0).UTC(),
		Troubles: []Trouble{{SourceDHCP, "", "no DHCP server answers"}, {SourceSupplicant, "wlan0", "wrong passphrase"}},
		Asking:   Asking{Since: time.Unix(2, 0).UTC(), Address: netip.MustParseAddr("192.0.2.7")},
	}
	if err := d.WriteKeeper(want); err != nil {
		t.Fatal(err)
	}
	got, kept, err := d.Keeper()
	if err != nil || !kept || !got.Alive() {
		t.Fatalf("it is this process, and yet: %+v, %v", got, err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b Asking) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
