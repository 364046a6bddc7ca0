package manager

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
	"github.com/bondctl/bondctl/bond/owner"
)

// fakeManager does as a manager: it leaves links alone by what it was told last.
type fakeManager struct {
	told     string   // the interfaces that it leaves alone, "" for none; lasting ones have a *
	does     []string // what it has been told
	fail     string   // the call that fails, before or
	after    bool     // after it has done its work
	unknown  bool     // it can't say what it looks after
	restores map[string]string
}

var errFake = errors.New("no answer")

func (f *fakeManager) runs() bool              { return true }
func (f *fakeManager) lines(Handover) []string { return nil }

func (f *fakeManager) holds(_ context.Context, interfaces []string) (all []Hold, err error) {
	if f.unknown {
		return nil, errFake
	}
	for _, name := range interfaces {
		if restore, ok := f.restores[name]; ok {
			all = append(all, Hold{Link: owner.Link{Interface: name}, Manager: "a", Restore: restore})
		}
	}
	return all, nil
}

func (f *fakeManager) release(_ context.Context, h Handover) error {
	return f.do("release", holdsText(h))
}

func (f *fakeManager) reclaim(_ context.Context, h Handover) error {
	left := ""
	if h.Left != nil {
		left = holdsText(*h.Left)
	}
	return f.do("reclaim", left)
}

func (f *fakeManager) do(what, told string) error {
	if f.fail == what && !f.after {
		return errFake
	}
	f.told, f.does = told, append(f.does, what)
	if f.fail == what {
		return errFake
	}
	return nil
}

func holdsText(h Handover) string {
	var names []string
	for _, hold := range h.Holds {
		names = append(names, hold.Interface)
	}
	text := strings.Join(names, " ")
	if h.Lasting {
		text += "*"
	}
	return text
}

// fakes has two managers, a and b, in the place of the real ones, and a ledger of nobody's.
func fakes(t *testing.T, links ...string) (l Ledger, a, b *fakeManager) {
	t.Helper()
	dir := tempRoot(t)
	for _, name := range links {
		if err := os.MkdirAll(filepath.Join(dir, "sys/class/net", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	a, b = &fakeManager{}, &fakeManager{}
	old := backends
	t.Cleanup(func() { backends = old })
	backends = slices.Clone(old[:2])
	backends[0].name, backends[0].backend = "a", a
	backends[1].name, backends[1].backend = "b", b
	return Ledger{statedir.Of(t.TempDir(), "bond0")}, a, b
}

func handover(manager string, lasting bool, names ...string) Handover {
	h := Handover{Manager: manager, Bond: "bond0", Lasting: lasting}
	for _, name := range names {
		h.Members = append(h.Members, Match{Name: name})
		h.Holds = append(h.Holds, Hold{Link: owner.Link{Interface: name}, Manager: manager, Restore: "conf of " + name})
	}
	return h
}

// has is what is in force and what rests, by manager and its links.
func (l Ledger) has(t *testing.T) string {
	t.Helper()
	inForce, resting, err := l.Handovers()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, h := range inForce {
		words = append(words, h.Manager+": "+holdsText(h))
	}
	for _, h := range resting {
		words = append(words, h.Manager+" rests: "+holdsText(h))
	}
	return strings.Join(words, ", ")
}

// reboot has the machine start again, which leaves managers what lasts alone.
func (l Ledger) reboot(t *testing.T, managers ...*fakeManager) {
	t.Helper()
	path := filepath.Join(l.dir.Path(), string(statedir.Handovers))
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	var f ledgerFile
	if err := errors.Join(err, json.Unmarshal(text, &f)); err != nil {
		t.Fatal(err)
	}
	f.BootID = "the last one"
	if err := l.dir.Write(statedir.Handovers, f); err != nil {
		t.Fatal(err)
	}
	for _, m := range managers {
		if !strings.HasSuffix(m.told, "*") {
			m.told = ""
		}
	}
}

// What the ledger has, and what the managers leave alone, after each way that bonds go.
func TestLedger(t *testing.T) {
	up := func(h ...Handover) func(*testing.T, Ledger) error {
		return func(t *testing.T, l Ledger) error { return l.Release(t.Context(), h) }
	}
	down := func(inUse ...string) func(*testing.T, Ledger) error {
		return func(t *testing.T, l Ledger) error { _, err := l.Reclaim(t.Context(), inUse); return err }
	}
	save := func(t *testing.T, l Ledger) error { return l.Last(t.Context()) }
	try := func(t *testing.T, l Ledger) error { return l.Try(t.Context()) }
	undo := func(t *testing.T, l Ledger) error { return l.Undo(t.Context()) }
	renew := func(t *testing.T, l Ledger) error { return l.Renew(t.Context()) }
	reboot := (func(*testing.T, Ledger) error)(nil)
	tests := map[string]struct {
		steps  []func(*testing.T, Ledger) error
		want   string // in the ledger
		wantA  string // left alone by manager a
		wantB  string
		noFile bool
	}{
		"an up":                     {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0", "wlan0"))}, want: "a: eth0 wlan0", wantA: "eth0 wlan0"},
		"nothing":                   {steps: []func(*testing.T, Ledger) error{up(), save, try, undo, renew, down()}, noFile: true},
		"a down":                    {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0"), handover("b", false)), down()}, noFile: true},
		"one of two bonds' members": {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), up(handover("b", false, "eth1"))}, want: "a: eth0, b: eth1", wantA: "eth0", wantB: "eth1"},
		"an up that adds a member":  {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), up(handover("a", false, "eth1"))}, want: "a: eth0 eth1", wantA: "eth0 eth1"},
		"an up again":               {steps: []func(*testing.T, Ledger) error{up(handover("a", true, "eth0")), up(handover("a", false))}, want: "a: eth0*", wantA: "eth0*"},
		"a reboot":                  {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), reboot, down()}},
		"saved":                     {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), save, save, reboot, renew}, want: "a: eth0*", wantA: "eth0*"},
		"saved and down":            {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), save, down()}, want: "a rests: eth0*"},
		"down after a reboot":       {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), save, reboot, down()}, want: "a rests: eth0*"},
		"made again at boot":        {steps: []func(*testing.T, Ledger) error{up(handover("a", true, "eth0")), down(), reboot, renew}, want: "a: eth0*", wantA: "eth0*"},
		"made again by hand":        {steps: []func(*testing.T, Ledger) error{up(handover("a", true, "eth0")), down(), up(handover("a", false, "eth0")), reboot}, want: "a: eth0*", wantA: "eth0*"},
		"made again of others":      {steps: []func(*testing.T, Ledger) error{up(handover("a", true, "eth0")), down(), up(handover("a", false, "eth1"))}, want: "a: eth1*", wantA: "eth1*"},
		"on trial":                  {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), try}, want: "a: eth0"},
		"on trial and put back":     {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), try, undo}, want: "a: eth0", wantA: "eth0"},
		"on trial and kept":         {steps: []func(*testing.T, Ledger) error{up(handover("a", true, "eth0"), handover("b", false)), try, down(), undo}, want: "a rests: eth0*"},
		"a power cut while on trial": {steps: []func(*testing.T, Ledger) error{up(handover("a", true, "eth0")), try, reboot, undo, renew},
			want: "a: eth0*", wantA: "eth0*"},
		"one released":          {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0", "eth1")), down("eth0")}, want: "a: eth0", wantA: "eth0"},
		"none released":         {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "eth0")), down("eth0", "eth1")}, want: "a: eth0", wantA: "eth0"},
		"a dock that is away":   {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "usb0", "eth0")), down("eth0")}, want: "a: usb0 eth0", wantA: "usb0 eth0"},
		"a dock away at a down": {steps: []func(*testing.T, Ledger) error{up(handover("a", false, "usb0")), down()}, noFile: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, a, b := fakes(t, "eth0", "eth1", "wlan0")
			for _, step := range tt.steps {
				if step == nil {
					l.reboot(t, a, b)
				} else if err := step(t, l); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff([]string{tt.want, tt.wantA, tt.wantB}, []string{l.has(t), a.told, b.told}); diff != "" {
				t.Errorf("ledger, a and b (-want +got)\n%s", diff)
			}
			if tt.noFile && l.dir.Has(statedir.Handovers) {
				t.Error("an empty ledger is left")
			}
		})
	}
}

// A process that is killed while a manager is told, or whose manager doesn't answer, leaves a
// ledger by which the next one puts things right.
func TestLedgerKilled(t *testing.T) {
	ctx := t.Context()
	own := handover("a", false, "eth0")
	type step = func(Ledger) error
	down := func(l Ledger) error { _, err := l.Reclaim(ctx, nil); return err }
	tests := map[string]struct {
		before []step
		killed step
		fail   string
		after  []step
		want   string
		told   string
	}{
		"release, then down":     {nil, func(l Ledger) error { return l.Release(ctx, []Handover{own}) }, "release", []step{down}, "", ""},
		"release, then up":       {nil, func(l Ledger) error { return l.Release(ctx, []Handover{own}) }, "release", []step{func(l Ledger) error { return l.Release(ctx, []Handover{handover("a", false)}) }}, "a: eth0", "eth0"},
		"release, then a keeper": {nil, func(l Ledger) error { return l.Release(ctx, []Handover{own}) }, "release", []step{func(l Ledger) error { return l.Renew(ctx) }}, "a: eth0", "eth0"},
		"try, then undo":         {[]step{func(l Ledger) error { return l.Release(ctx, []Handover{own}) }}, func(l Ledger) error { return l.Try(ctx) }, "reclaim", []step{func(l Ledger) error { return l.Undo(ctx) }}, "a: eth0", "eth0"},
		"try, then down":         {[]step{func(l Ledger) error { return l.Release(ctx, []Handover{own}) }}, func(l Ledger) error { return l.Try(ctx) }, "reclaim", []step{down}, "", ""},
		"last":                   {[]step{func(l Ledger) error { return l.Release(ctx, []Handover{own}) }}, func(l Ledger) error { return l.Last(ctx) }, "release", []step{func(l Ledger) error { return l.Last(ctx) }}, "a: eth0*", "eth0*"},
	}
	for name, tt := range tests {
		for _, after := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				l, a, _ := fakes(t, "eth0")
				for _, do := range tt.before {
					if err := do(l); err != nil {
						t.Fatal(err)
					}
				}
				a.fail, a.after = tt.fail, after
				if err := tt.killed(l); !errors.Is(err, errFake) {
					t.Errorf("got %v", err)
				}
				a.fail = ""
				for _, do := range tt.after {
					if err := do(l); err != nil {
						t.Fatal(err)
					}
				}
				if got := l.has(t); got != tt.want || a.told != tt.told {
					t.Errorf("the ledger has %q and the manager leaves %q alone, want %q and %q", got, a.told, tt.want, tt.told)
				}
			})
		}
	}
}

// What can't be made to last for all lasts for none: after the boot nobody would look after
// the links.
func TestLedgerLastFails(t *testing.T) {
	l, a, b := fakes(t, "eth0", "eth1")
	if err := l.Release(t.Context(), []Handover{handover("a", false, "eth0"), handover("b", false, "eth1")}); err != nil {
		t.Fatal(err)
	}
	b.fail = "release"
	if err := l.Last(t.Context()); !errors.Is(err, errFake) {
		t.Errorf("got %v", err)
	}
	if got := l.has(t); got != "a: eth0, b: eth1" || a.told != "eth0" {
		t.Errorf("the ledger has %q, and a manager leaves %q alone", got, a.told)
	}
}

// Nothing is told to a manager that can't be written down.
func TestLedgerUnwritten(t *testing.T) {
	l, a, _ := fakes(t, "eth0")
	if err := l.Release(t.Context(), []Handover{handover("a", false, "eth0")}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(l.dir.Path(), string(statedir.Handovers))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// A folder with something in it is in the way of what is written first.
	if err := os.MkdirAll(filepath.Join(l.dir.Path(), "."+string(statedir.Handovers)+".bondctl", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"release": func() error { return l.Release(t.Context(), []Handover{handover("a", false, "eth1")}) },
		"last":    func() error { return l.Last(t.Context()) },
		"try":     func() error { return l.Try(t.Context()) },
	} {
		if err := do(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if now, err := os.ReadFile(file); a.told != "eth0" || string(now) != string(text) || err != nil {
			t.Errorf("%s: the manager leaves %q alone, and the ledger has\n%s", name, a.told, now)
		}
	}
}

// At boot a manager may be yet to start: it finds what it is to leave alone in its files.
func TestLedgerRenewUnanswered(t *testing.T) {
	l, a, b := fakes(t, "eth0", "eth1")
	err := l.Release(t.Context(), []Handover{handover("a", true, "eth0"), handover("b", true, "eth1")})
	if _, failed := l.Reclaim(t.Context(), nil); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	a.unknown, a.fail, a.after = true, "release", true
	if err := l.Renew(t.Context()); !errors.Is(err, errFake) {
		t.Errorf("got %v", err)
	}
	if got := l.has(t); got != "a: eth0*, b: eth1*" || a.told != "eth0*" || b.told != "eth1*" {
		t.Errorf("the ledger has %q, and the managers leave %q and %q alone", got, a.told, b.told)
	}
}

// A manager that goes on otherwise by now is to go on so, once it has the link back.
func TestLedgerRenewed(t *testing.T) {
	l, a, _ := fakes(t, "eth0")
	err := l.Release(t.Context(), []Handover{handover("a", true, "eth0")})
	if _, failed := l.Reclaim(t.Context(), nil); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	for _, restore := range []string{"another", ""} { // "" says nothing new
		a.restores = map[string]string{"eth0": restore}
		if err := l.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		back, err := l.Reclaim(t.Context(), nil)
		if err != nil || len(back) != 1 || back[0].Restore != "another" {
			t.Errorf("handed back %+v, %v", back, err)
		}
	}
}

// A ledger of a newer program doesn't end this one.
func TestLedgerStranger(t *testing.T) {
	l, a, _ := fakes(t, "eth0")
	if err := l.dir.Write(statedir.Handovers, ledgerFile{BootID: statefile.BootID(), Handovers: []Handover{handover("new", false, "eth1"), handover("a", false, "eth0")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reclaim(t.Context(), nil); err == nil || !strings.Contains(err.Error(), `"new"`) || len(a.does) != 1 {
		t.Errorf("%v, and the manager that is known did %q", err, a.does)
	}
}
