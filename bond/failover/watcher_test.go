package failover

import (
	"testing"
	"time"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// two is a walk with a primary, 1, and another slave, 2, both up.
func two(t *testing.T, reselect uint8, updelay time.Duration) *walk {
	t.Helper()
	w := newWalk(t, reselect, updelay)
	w.driver.enslave(1, 0, true)
	w.driver.enslave(2, -1, true)
	w.driver.primary = 1
	w.driver.selectActive()
	w.pass(10*time.Second, true)
	w.active(1)
	return w
}

// set sets a slave's carrier, of which the watcher hears.
func (w *walk) set(slave int, carrier bool) {
	w.t.Helper()
	w.driver.setCarrier(w.driver.slaveCalled(slave), carrier)
	w.read()
}

func (w *walk) active(want int) {
	w.t.Helper()
	if w.driver.active != want {
		w.fail("%d is active, want %d", w.driver.active, want)
	}
}

// flap is a loss between two looks of the driver.
func (w *walk) flap(slave int) {
	w.t.Helper()
	w.set(slave, false)
	w.now = w.now.Add(miimon / 5)
	w.set(slave, true)
}

// The driver returns by itself from a loss that it has seen.
func TestSeen(t *testing.T) {
	w := two(t, reselectAlways, time.Second)
	w.set(1, false)
	w.active(2)
	w.pass(3*miimon, true)
	w.set(1, true)
	if w.pass(900*time.Millisecond, true); len(w.watcher.left) != 0 {
		t.Errorf("it waits for %v", w.watcher.left)
	}
	w.active(2)
	w.pass(300*time.Millisecond, true)
	w.active(1)
}

// From a loss that was too short for the driver it is returned from after updelay, where the driver
// would return.
func TestUnseen(t *testing.T) {
	for reselect, after := range map[uint8]int{reselectAlways: 1, reselectFailure: 2, reselectBetter: 2} {
		w := two(t, reselect, time.Second)
		w.flap(1)
		w.pass(900*time.Millisecond, false)
		if w.act(); w.driver.failures() != 0 {
			t.Fatal("the driver has seen the loss")
		}
		w.active(2)
		w.pass(100*time.Millisecond, false)
		w.act()
		w.active(after)
	}
	w := two(t, reselectBetter, 0)
	w.watcher.faster = func(than, then slave) bool { return than.index < then.index }
	w.flap(1)
	w.active(1)
}

func (d *driver) failures() (n uint32) {
	for _, s := range d.slaves {
		n += s.failures
	}
	return n
}

// A slave that comes and goes is left each time, and returned to when it has been calm for a while.
func TestDamped(t *testing.T) {
	w := two(t, reselectAlways, 0)
	w.flap(1)
	w.active(1)
	if held := w.watcher.held(w.now); held != nil {
		t.Errorf("%v are held after one loss", held)
	}
	for range 100 {
		w.flap(1)
		w.active(2)
	}
	if held := w.watcher.held(w.now); len(held) != 1 {
		t.Errorf("held: %v", held)
	}
	start := w.now
	_, due := w.watcher.next(w.now)
	if calm := due.Sub(start); calm < 44*time.Second || calm > 46*time.Second {
		t.Errorf("it is returned to after %v", calm)
	}
	w.now = due
	w.act()
	w.active(1)
	if held := w.watcher.held(w.now); held != nil {
		t.Errorf("%v are still held", held)
	}
}

// What the driver refuses it isn't asked again, until something else can be chosen.
func TestRefused(t *testing.T) {
	w := two(t, reselectAlways, 0)
	w.driver.enslave(3, -2, true)
	w.read()
	d := w.driver
	d.setCarrier(d.slaveCalled(1), false)
	d.setCarrier(d.slaveCalled(2), false)
	w.readSome(1) // and not yet that 2 has lost its carrier, too
	w.active(1)
	w.readSome(0)
	w.active(1)
	w.read()
	w.active(3)
}

// A Wi-Fi link whose handshake isn't through is passed over, and turned to once it is.
func TestDormant(t *testing.T) {
	w := newWalk(t, reselectAlways, time.Second)
	for i := range 3 {
		w.driver.enslave(i+1, int32(-i), true)
	}
	w.pass(5*time.Second, true)
	wifi := w.driver.slaveCalled(2)
	wifi.dormant = true
	w.driver.tell(wifi)
	w.set(1, false)
	w.active(3)
	wifi.dormant = false
	w.driver.tell(wifi)
	w.read()
	w.active(3)
	w.pass(time.Second, true)
	w.act()
	w.active(2)
}

// Without a say it does nothing, and has nothing left to do later on.
func TestIdle(t *testing.T) {
	for name, idle := range map[string]func(*walk){
		"off":            func(w *walk) { w.watcher.on = false },
		"downdelay":      func(w *walk) { w.driver.downdelay = time.Second },
		"ARP monitoring": func(w *walk) { w.driver.miimon = 0 },
		"another mode":   func(w *walk) { w.driver.mode = 0 },
	} {
		w := two(t, reselectAlways, 0)
		idle(w)
		w.driver.tellBond()
		w.set(1, false)
		if w.driver.active != 1 {
			t.Errorf("%s: it has switched", name)
		}
	}
}

// A bond that is made anew is another one.
func TestMadeAnew(t *testing.T) {
	w := two(t, reselectAlways, 0)
	w.watcher.gone(bondIndex)
	w.set(1, false)
	w.active(1)
	w.driver.tellBond()
	for _, s := range w.driver.slaves {
		w.driver.tell(s)
	}
	w.read()
	w.active(2)
}

// Another link may take the bond's name, and have slaves already: they are to be listed.
func TestStale(t *testing.T) {
	w := newWatcher("bond0", nil)
	b := bonding{index: bondIndex, miimon: miimon, mode: modeActiveBackup}
	for _, want := range []bool{true, false} {
		w.hear(b.message(), time.Now())
		if w.stale != want {
			t.Errorf("stale: %t, want %t", w.stale, want)
		}
		w.list([]rtnl.Link{b.message()}, nil, time.Now())
	}
	renamed := b.message()
	renamed.Name = "bond9"
	w.hear(renamed, time.Now())
	if w.works() || w.bond.index != 0 {
		t.Errorf("it follows %+v", w.bond)
	}
}

// A slave whose path is dead is passed over, returned to by nobody here, and better than nothing.
func TestDeadPath(t *testing.T) {
	w := two(t, reselectAlways, 0)
	w.driver.enslave(3, -2, true)
	w.pass(10*time.Second, true)
	w.watcher.dead = []string{w.driver.slaveCalled(2).name}
	w.set(1, false)
	w.active(3)
	w.set(1, true)
	w.read()
	w.pass(time.Second, true)
	w.active(1)

	w.watcher.dead = []string{w.driver.slaveCalled(1).name, w.driver.slaveCalled(2).name, w.driver.slaveCalled(3).name}
	w.pass(time.Minute, true)
	w.set(1, false)
	w.active(2)
}
