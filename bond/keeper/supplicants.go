package keeper

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/supplicant"
)

// supplicants is the task that has the members associate that the keeper is to look
// after.
type supplicants struct {
	wish    wish[supplicantsWish]
	reports chan<- []report
	log     *slog.Logger
	dir     string // has a folder for each

	running map[string]*association // by interface
	resting []string                // those that are to rest
	asked   int
	swept   bool // what an earlier keeper left has been looked through
}

// A supplicantsWish is what is to be associated.
type supplicantsWish struct {
	associations []bond.Association
	resting      []string // of these, the Wi-Fi members that needn't be associated now
	asked        int      // how often somebody has asked for it: the configuration may say something else now
}

// forgotten is the report that an interface isn't looked after any more.
type forgotten struct{ iface string }

// association is a wpa_supplicant that is looked after.
type association struct {
	bond.Association
	supplicant supplicant.Supplicant
	standby    *standby
	job        *job
}

// farewellTime bounds a wpa_supplicant's farewell; one that hangs is killed before.
const farewellTime = 5 * time.Second

func newSupplicants(k *Keeper, dir string, reports chan<- []report) *supplicants {
	return &supplicants{wish: newWish[supplicantsWish](), reports: reports, log: k.Log, dir: dir}
}

// Run has the associations there that are wished for until ctx ends. They go on
// then, and another keeper adopts them.
func (s *supplicants) Run(ctx context.Context) error {
	s.running = map[string]*association{}
	defer func() {
		for _, a := range s.running {
			a.job.stop()
		}
	}()
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-s.wish:
			s.resting = w.resting
			s.fulfil(ctx, w)
		case <-again:
		}
		again = s.rest(ctx)
	}
}

// fulfil starts a wpa_supplicant for each association that is wanted, and ends
// those that aren't any more, an earlier keeper's included.
func (s *supplicants) fulfil(ctx context.Context, w supplicantsWish) {
	if w.asked != s.asked {
		s.asked, s.swept = w.asked, false
		s.readopt()
	}
	for name, a := range s.running {
		if !slices.Contains(w.associations, a.Association) {
			a.job.stop()
			delete(s.running, name)
			s.stop(ctx, name)
		}
	}
	if !s.swept {
		s.swept = true
		for _, name := range dirNames(s.dir) {
			if !slices.ContainsFunc(w.associations, func(a bond.Association) bool { return a.Interface == name }) {
				s.stop(ctx, name)
			}
		}
	}
	for _, a := range w.associations {
		if s.running[a.Interface] == nil {
			s.start(ctx, a)
		}
	}
}

// readopt has those adopted anew whose configuration was changed, by which it is
// read again. The others are left alone: whoever adopts one doesn't know why it
// couldn't connect so far.
func (s *supplicants) readopt() {
	for name, a := range s.running {
		if a.supplicant.Changed() {
			a.job.stop()
			delete(s.running, name)
		}
	}
}

// start has a wpa_supplicant started, or adopted.
func (s *supplicants) start(ctx context.Context, wanted bond.Association) {
	_ = os.Mkdir(s.dir, 0o700) // Run says what is wrong if that can't be done
	dir := filepath.Join(s.dir, wanted.Interface)
	a := &association{
		Association: wanted,
		supplicant:  supplicant.Supplicant{Interface: wanted.Interface, Wired: wanted.Wired, Config: wanted.Config, Dir: dir},
		standby:     &standby{client: supplicant.Client{Interface: wanted.Interface, Dir: dir}},
	}
	a.standby.want(ctx, slices.Contains(s.resting, wanted.Interface), time.Now())
	a.job = begin(ctx, func(ctx context.Context) {
		a.supplicant.Run(ctx, func(e supplicant.Event) { s.handle(ctx, a, e) })
	})
	s.running[wanted.Interface] = a
}

// handle tells what became of an association.
func (s *supplicants) handle(ctx context.Context, a *association, e supplicant.Event) {
	iface := a.Interface
	switch e.Kind {
	case supplicant.Started, supplicant.Adopted:
		s.log.Info("wpa_supplicant "+string(e.Kind), "interface", iface, "pid", e.PID)
		if a.standby.begun(ctx, e.Kind == supplicant.Adopted) {
			s.tellRest(ctx, iface, true)
		}
	case supplicant.Connected:
		s.log.Info("associated", "interface", iface, "to", e.Reason)
		s.tell(ctx, iface, "")
		if took, woken := a.standby.associated(time.Now()); woken {
			send(ctx, s.reports, []report{woke(iface, took)})
		}
	default:
		if !a.standby.resting() || e.Kind == supplicant.Ended {
			s.tell(ctx, iface, e.Reason)
		}
	}
}

// tell reports what is wrong with an association; "" is nothing.
func (s *supplicants) tell(ctx context.Context, iface, text string) {
	send(ctx, s.reports, []report{statedir.Trouble{Source: statedir.SourceSupplicant, Interface: iface, Text: text}})
}

// stop ends a wpa_supplicant.
func (s *supplicants) stop(ctx context.Context, iface string) {
	send(ctx, s.reports, []report{forgotten{iface}})
	if err := stopSupplicant(ctx, filepath.Join(s.dir, iface)); err != nil {
		s.log.Error("end wpa_supplicant", "error", err)
	}
}

func stopSupplicant(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	return supplicant.Stop(ctx, dir)
}

// stopSupplicants ends every wpa_supplicant of a bond.
func stopSupplicants(ctx context.Context, dir string) (failed []error) {
	for _, iface := range dirNames(dir) {
		if err := stopSupplicant(ctx, filepath.Join(dir, iface)); err != nil {
			failed = append(failed, err)
		}
	}
	os.Remove(dir)
	return failed
}

// dirNames are the names in a folder; none if there is no such folder.
func dirNames(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
