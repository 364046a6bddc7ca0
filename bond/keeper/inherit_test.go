package keeper

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/lease"
)

// A keeper goes on with what it inherits, as who the client was, until that is taken back.
func TestInherit(t *testing.T) {
	t.Run("bond", func(t *testing.T) { testInherit(t, "") })
	t.Run("member", func(t *testing.T) { testInherit(t, "eth0") })
}

func testInherit(t *testing.T, member string) {
	dir := statedir.Of(t.TempDir(), "bond0")
	memory := leaseMemory{dir: statedir.Of(t.TempDir(), "bond0"), bond: "bond0", seed: []byte("seed")}
	own, err := memory.recall()
	if err != nil {
		t.Fatal(err)
	}
	had := leaseOf("192.0.2.7/24")
	who := lease.Identity{Hostname: "box", HardwareAddr: []byte{2, 0, 0, 0, 0, 1}}
	for range 2 { // an up that was killed is run again
		if err := inherit(dir, memory, member, had, who); err != nil {
			t.Fatal(err)
		}
	}
	k, _, err := dir.Keeper()
	if held, _ := k.LentTo(member).Now(); held == nil || held.Address != had.Address || k.Alive() || err != nil {
		t.Errorf("the keeper begins with %+v, %v", k, err)
	}
	r, err := memory.recall()
	if err != nil || string(r.ClientID) != string(own.ClientID) {
		t.Errorf("recalled %+v, %v", r, err)
	}
	if diff := cmp.Diff(who, identity(r, bond.Config{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := identity(r, bond.Config{Hostname: new("mine")}); got.Hostname != "mine" || got.HardwareAddr == nil {
		t.Errorf("with a name it is %+v", got)
	}
	record, err := openRecord(dir, "bond0", slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := inherit(dir, memory, member, had, who); !errors.Is(err, ErrKept) {
		t.Errorf("beside a keeper: %v", err)
	}
	if err := disinherit(dir, memory, member); err != nil {
		t.Errorf("beside a keeper: %v", err)
	}
	record.close(true)
	if err := disinherit(dir, memory, member); err != nil {
		t.Fatal(err)
	}
	if _, kept, err := dir.Keeper(); kept || err != nil {
		t.Errorf("it is kept still, %v", err)
	}
	r, err = memory.recall()
	if diff := cmp.Diff(own, r); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// A lease of the bond's own isn't given up for another one.
func TestInheritBesideOwn(t *testing.T) {
	dir := statedir.Of(t.TempDir(), "bond0")
	memory := leaseMemory{dir: statedir.Of(t.TempDir(), "bond0"), bond: "bond0", seed: []byte("seed")}
	if err := dir.WriteKeeper(statedir.Keeper{Lent: statedir.NewLent(leaseOf("192.0.2.7/24"))}); err != nil {
		t.Fatal(err)
	}
	if err := inherit(dir, memory, "", leaseOf("192.0.2.8/24"), lease.Identity{}); !errors.Is(err, ErrKept) {
		t.Errorf("got %v, want %v", err, ErrKept)
	}
	if err := disinherit(dir, memory, ""); err != nil {
		t.Error(err)
	}
	if k, _, err := dir.Keeper(); k.Lent.Lease == nil || err != nil {
		t.Errorf("the lease is gone, %v", err)
	}
}

// Once another name is wanted, servers hear it at once, and what is held goes on.
func TestLeaseNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := at(t, statedir.Lent{})
		n.goes(1, 1, 0)
		n.expect(t, "asks for nothing")
		wish := leaseWish{dhcp: true, place: place{path{1, 1}, 0}, says: bond.Config{Hostname: new("mine")}}
		for range 2 { // the second one is nothing new
			n.wish.put(wish)
			synctest.Wait()
			wish.says.Hostname = new("mine")
		}
		n.expect(t, "asks no more", "asks for nothing")
		time.Sleep(time.Minute)
		n.expect(t)
	})
}
