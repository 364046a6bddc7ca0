package bond

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A step that the kernel refuses is left out for a while that grows, and forgotten
// once it is called for no more, or the bond is another one.
func TestRefusedStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const index = 7
		step := addRoute{"bond0", route(0, "203.0.113.0/24", "192.0.2.9")}
		var r Refusals
		look := func(index int, steps ...Step) (left int, retry time.Duration) {
			s := State{Name: "bond0", Links: []Link{{Name: "bond0", Index: index}}, Bond: &BondState{}}
			p := Plan{Steps: append([]Step{addAddress{Link: "bond0", Address: addr(0, "192.0.2.7/24")}}, steps...)}
			r.leaveOut(&p, s, time.Now())
			return len(p.Steps), r.retry()
		}
		refused := func() {
			t.Helper()
			r.add(about(step), index, errors.New("file exists"))
		}
		for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			refused()
			for range 2 {
				if left, retry := look(index, step); left != 1 || retry != wait {
					t.Errorf("refused: %d steps, another try in %s, want 1 and %s", left, retry, wait)
				}
			}
			time.Sleep(wait)
			if left, _ := look(index, step); left != 2 {
				t.Errorf("the wait is over: %d steps", left)
			}
		}
		if why := refusedOfBond(r.words()); len(why) != 1 || why[0] != "route 203.0.113.0/24 via 192.0.2.9: refused by the kernel (file exists)" {
			t.Errorf("what is told: %q", why)
		}
		for name, look := range map[string]func() (int, time.Duration){
			"taken":        func() (int, time.Duration) { return look(index) },
			"another bond": func() (int, time.Duration) { return look(index+1, step) },
		} {
			refused()
			if _, retry := look(); retry != 0 || len(r.of) > 0 {
				t.Errorf("%s: another try in %s, %v", name, retry, r.of)
			}
		}
	})
}

// A member that somebody sets down is left so for a while, and then set up again.
func TestRest(t *testing.T) {
	t.Run("bond", func(t *testing.T) { testRest(t, false) })
	t.Run("routes", func(t *testing.T) { testRest(t, true) })
}

func testRest(t *testing.T, byRoutes bool) {
	synctest.Test(t, func(t *testing.T) {
		var r Refusals
		look := func(up bool) bool {
			s := State{Name: "bond0", Links: []Link{{Name: "bond0", Index: 7}, {Name: "eth0", Index: 1, Master: "bond0", Up: up}}}
			if byRoutes {
				s.byRoutes, s.Links[1].Master, s.Before = true, "", &Image{contents{Links: []linkImage{{Name: "eth0", linkSettings: linkSettings{Index: 1}}}}}
			}
			r.rests.mark(&s, "")
			return s.Links[1].resting
		}
		for range 2 {
			for range 2 {
				if !look(false) || r.retry() != restTime {
					t.Errorf("it doesn't rest, or not for %s: %s", restTime, r.retry())
				}
			}
			time.Sleep(restTime)
			if look(false) || r.retry() != 0 {
				t.Errorf("it still rests, for %s", r.retry())
			}
			if look(true) {
				t.Error("it rests though it is up")
			}
		}
	})
}

// One that a drill holds down is left so for as long as that goes on.
func TestRestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Refusals
		look := func(held string) bool {
			s := State{Name: "bond0", Links: []Link{{Name: "bond0", Index: 7}, {Name: "eth0", Index: 1, Master: "bond0"}}}
			r.rests.mark(&s, held)
			return s.Links[1].resting
		}
		for range 3 {
			if !look("eth0") {
				t.Error("it doesn't rest though it is held")
			}
			time.Sleep(restTime)
		}
		if look("") {
			t.Error("it still rests though nobody holds it any more")
		}
	})
}
