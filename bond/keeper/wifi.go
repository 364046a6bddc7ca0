package keeper

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/supplicant"
)

// wifi has the Wi-Fi members associate that the keeper is to look after.
type wifi struct {
	watch   *watch
	running map[string]*associating // by interface
	swept   bool                    // what an earlier keeper left has been looked through
}

// associating is a wpa_supplicant that is looked after.
type associating struct {
	bond.Association
	supplicant supplicant.Supplicant
	cancel     context.CancelFunc
	ended      sync.WaitGroup
}

// stopTime bounds a wpa_supplicant's farewell; one that hangs is killed before.
const stopTime = 5 * time.Second

// tend starts a wpa_supplicant for each association that is wanted, and ends
// those that aren't any more, an earlier keeper's included.
func (w *wifi) tend(ctx context.Context, wanted []bond.Association) {
	dir := w.watch.keeper.Host.SupplicantDir(w.watch.keeper.Name)
	for name, a := range w.running {
		if !slices.Contains(wanted, a.Association) {
			a.end()
			delete(w.running, name)
			w.watch.forget(name)
			w.stop(ctx, filepath.Join(dir, name))
		}
	}
	if !w.swept {
		for _, name := range dirNames(dir) {
			if !slices.ContainsFunc(wanted, func(a bond.Association) bool { return a.Interface == name }) {
				w.watch.forget(name)
				w.stop(ctx, filepath.Join(dir, name))
			}
		}
		w.swept = true
	}
	for _, a := range wanted {
		if w.running[a.Interface] == nil {
			w.start(ctx, a, dir)
		}
	}
}

// start has a wpa_supplicant started, or adopted.
func (w *wifi) start(ctx context.Context, wanted bond.Association, dir string) {
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		w.watch.trouble(wanted.Interface, err.Error())
		return
	}
	s := supplicant.Supplicant{Interface: wanted.Interface, Config: wanted.Config, Dir: filepath.Join(dir, wanted.Interface)}
	ctx, cancel := context.WithCancel(ctx)
	a := &associating{Association: wanted, supplicant: s, cancel: cancel}
	a.ended.Go(func() {
		s.Run(ctx, func(e supplicant.Event) {
			w.watch.post(ctx, func(context.Context) { w.handle(wanted.Interface, e) })
		})
	})
	if w.running == nil {
		w.running = map[string]*associating{}
	}
	w.running[wanted.Interface] = a
}

// handle notes what became of an association.
func (w *wifi) handle(name string, e supplicant.Event) {
	switch e.Kind {
	case supplicant.Started, supplicant.Adopted:
		w.watch.keeper.Log.Info("wpa_supplicant "+string(e.Kind), "interface", name, "pid", e.PID)
	case supplicant.Connected:
		w.watch.keeper.Log.Info("associated", "interface", name, "to", e.Reason)
		w.watch.trouble(name, "")
	default:
		w.watch.trouble(name, e.Reason)
	}
}

// stop ends a wpa_supplicant.
func (w *wifi) stop(ctx context.Context, dir string) {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	if err := supplicant.Stop(ctx, dir); err != nil {
		w.watch.keeper.Log.Error("end wpa_supplicant", "error", err)
	}
}

// asked has the next tend adopt those anew whose configuration was changed, by
// which it is read again. The others are left alone: whoever adopts one doesn't
// know why it couldn't connect so far.
func (w *wifi) asked() {
	for name, a := range w.running {
		if a.supplicant.Changed() {
			a.end()
			delete(w.running, name)
		}
	}
	w.swept = false
}

// close looks no more after any. They go on, and another keeper adopts them.
func (w *wifi) close() {
	for _, a := range w.running {
		a.end()
	}
	clear(w.running)
}

func (a *associating) end() {
	a.cancel()
	a.ended.Wait()
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

// stopSupplicants ends every wpa_supplicant of a bond.
func stopSupplicants(ctx context.Context, h *bond.Host, name string) []error {
	dir := h.SupplicantDir(name)
	var failed []error
	for _, iface := range dirNames(dir) {
		ctx, cancel := context.WithTimeout(ctx, stopTime)
		if err := supplicant.Stop(ctx, filepath.Join(dir, iface)); err != nil {
			failed = append(failed, err)
		}
		cancel()
	}
	os.Remove(dir)
	return failed
}
