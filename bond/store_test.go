package bond

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/statedir"
)

var compareAddrs = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestStoreRoundTrip(t *testing.T) {
	s := store{dir: t.TempDir()}
	r, err := s.record("bond0")
	if err != nil || r.Config != nil {
		t.Fatalf("nothing is recorded, and yet: %+v, %v", r, err)
	}
	c := config(t, "member=eth0,prio=7", "member=wlan0", "primary=eth0", "miimon=50", "address=192.0.2.10/24")
	want := record{Config: &c, Source: Source{File: "/etc/bondctl/bond0.toml", Flags: true}, Manual: &choice{"wlan0", 3, 1}}
	if err := s.writeRecord("bond0", want); err != nil {
		t.Fatal(err)
	}
	r, err = s.record("bond0")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, r, compareAddrs); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bond0"}, s.names()); diff != "" {
		t.Errorf("names (-want +got)\n%s", diff)
	}
	if err := s.forget("bond0"); err != nil {
		t.Fatal(err)
	}
	if r, err := s.record("bond0"); err != nil || r.Config != nil {
		t.Errorf("it is forgotten, and yet: %+v, %v", r, err)
	}
}

// A journal of another boot speaks of devices that are no more.
func TestJournalOfAnotherBoot(t *testing.T) {
	s := store{dir: t.TempDir()}
	if err := s.of("bond0").Write(statedir.Journal, Image{contents{BootID: "another"}}); err != nil {
		t.Fatal(err)
	}
	if j, err := s.journal("bond0"); j != nil || err != nil {
		t.Errorf("got %+v, %v", j, err)
	}
}
