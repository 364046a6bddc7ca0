package bond

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a dock had that isn't there at a down is kept, and given back once it is: to the same device, under
// whichever ifindex it comes back.
func TestOwed(t *testing.T) {
	s := inUse(addr(1, "192.0.2.10/24"), route(1, "0.0.0.0/0", "192.0.2.1"), addr(2, "192.0.2.11/24"))
	c := config(t, "member=eth0", "member=eth1")
	p := mustPlan(t, c, s)
	sim := simulate(t, s)
	sim.apply(p.Steps...)
	next := sim.after(p, s)
	away := changed(next, func(s *State) {
		s.Bond.Slaves = s.Bond.Slaves[1:]
		s.Links = s.Links[1:]
	})
	owed := next.Before.owed(&away)
	want := []string{"eth0 isn't there; what it had (192.0.2.10/24) is kept till the next boot, and bondctl down bond0 gives it back once it is there"}
	if diff := cmp.Diff(want, texts(noteOwed(owed, "bond0"))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if next.Before.owed(&next) != nil {
		t.Error("something is owed to links that are there")
	}

	store := store{dir: t.TempDir()}
	if err := store.keepOwed("bond0", owed); err != nil {
		t.Fatal(err)
	}
	owed, err := store.owed("bond0")
	if err != nil || owed == nil {
		t.Fatal(owed, err)
	}
	again, another := device(1, "eth0"), device(7, "eth0")
	again.Index = 9
	if back, rest := owed.returned(&State{Name: "bond0", Links: []Link{another}}); back != nil || rest == nil {
		t.Errorf("another device of that name gets it: %+v", back)
	}
	there := State{Name: "bond0", Links: []Link{again}}
	back, rest := owed.returned(&there)
	if back == nil || rest != nil {
		t.Fatalf("back %+v, rest %+v", back, rest)
	}
	steps := []string{"give eth0 back: up, address 02:00:00:00:00:01, mtu 1500", "add 192.0.2.10/24 to eth0", "add default route via 192.0.2.1 over eth0"}
	if diff := cmp.Diff(steps, texts(NewRestore(*back, there).Steps)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if back.Addresses[0].Link != 9 || back.Routes[0].Link != 9 {
		t.Errorf("it is for link %d", back.Addresses[0].Link)
	}
}

// With the only member that had an address a down would leave the machine without one.
func TestDownWithoutAddress(t *testing.T) {
	s := inUse(addr(1, "192.0.2.10/24"))
	p := mustPlan(t, config(t, "member=eth0", "member=eth1"), s)
	sim := simulate(t, s)
	sim.apply(p.Steps...)
	next := sim.after(p, s)
	if err := mayTakeDown(next, false); err != nil {
		t.Errorf("eth0 is there, and yet: %v", err)
	}
	away := changed(next, func(s *State) {
		s.Bond.Slaves = s.Bond.Slaves[1:]
		s.Links = s.Links[1:]
	})
	const want = "eth0 isn't there, which had 192.0.2.10/24, so that this machine would be left without an address"
	if err := mayTakeDown(away, false); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := mayTakeDown(away, true); err != nil {
		t.Errorf("by force: %v", err)
	}
}

// A member that was pulled out and comes back is owed what it had at first.
func TestImageOfReplugged(t *testing.T) {
	l := device(1, "usb0")
	s := State{Name: "bond0", Links: []Link{l}}
	carry(&s, addr(1, "192.0.2.10/24"))
	var image Image
	image.take(&s, l, l.settings())
	l.Index = 8
	back := State{Name: "bond0", Links: []Link{l}}
	image.take(&back, l, l.settings())
	if len(image.Links) != 1 || len(image.Addresses) != 1 || image.Addresses[0].Link != 8 {
		t.Errorf("the image has %+v and %+v", image.Links, image.Addresses)
	}
}
