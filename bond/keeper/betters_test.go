package keeper

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/bond/better"
)

// air is what a chooser sees, in a bubble of synctest's. What it looks at and reports is in said.
type air struct {
	*betters

	mu      sync.Mutex
	signals map[string]int
	said    []string
}

func (a *air) say(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.said = append(a.said, text)
}

func (a *air) set(name string, signal int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.signals[name] = signal
}

// wishes says who is active and who could be, and what came of it in a while.
func (a *air) wishes(t *testing.T, while time.Duration, active string, names []string, want ...string) {
	t.Helper()
	a.wish.put(bettersWish{active, names, map[string]bool{"wlan0": true, "wlan1": true}})
	a.expect(t, while, want...)
}

func (a *air) expect(t *testing.T, while time.Duration, want ...string) {
	t.Helper()
	time.Sleep(while)
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	if diff := cmp.Diff(want, a.said); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	a.said = nil
}

func TestBetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports := make(chan []report)
		a := &air{signals: map[string]int{"wlan0": -75, "wlan1": -45}}
		a.betters = &betters{wish: newWish[bettersWish](), reports: reports, log: slog.New(slog.DiscardHandler), figures: func(names []string, wifi func(string) bool) (links []better.Link, err error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			for _, name := range names {
				l := better.Link{Name: name, WiFi: wifi(name), Kernel: !wifi(name), Speed: 100}
				if l.WiFi {
					l.Signal = new(a.signals[name])
				}
				links = append(links, l)
			}
			a.said = append(a.said, "looks")
			return links, nil
		}}
		go func() {
			for list := range reports {
				for _, r := range list {
					switch r := r.(type) {
					case preferred:
						a.say(fmt.Sprintf("%s serves better than %s", r.to, r.from))
					case chose:
						a.say("by " + string(r))
					}
				}
			}
		}()
		j := begin(t.Context(), func(ctx context.Context) { _ = a.Run(ctx) })
		defer func() { j.stop(); close(reports) }()

		all, wireless := []string{"eth0", "wlan0", "wlan1"}, []string{"wlan0", "wlan1"}
		const figures = "wlan0 -75 dBm 100 Mb/s, wlan1 -45 dBm 100 Mb/s"
		a.wishes(t, time.Hour, "eth0", all, "looks", "by eth0 100 Mb/s, "+figures) // and never again: no choice depends on signals
		a.wishes(t, time.Second, "wlan0", wireless, "looks", "by "+figures, "wlan1 serves better than wlan0")
		a.wishes(t, signalTime+time.Second, "wlan1", wireless, "looks", "looks")
		a.set("wlan0", -20) // stronger now, but wlan1 was chosen only just before
		a.expect(t, 2*signalTime, "looks", "by wlan0 -47 dBm 100 Mb/s, wlan1 -45 dBm 100 Mb/s", "looks", "by wlan0 -33 dBm 100 Mb/s, wlan1 -45 dBm 100 Mb/s")
		a.expect(t, calmTime-3*signalTime, "looks", "by wlan0 -26 dBm 100 Mb/s, wlan1 -45 dBm 100 Mb/s", "looks", "by wlan0 -23 dBm 100 Mb/s, wlan1 -45 dBm 100 Mb/s", "looks", "by wlan0 -21 dBm 100 Mb/s, wlan1 -45 dBm 100 Mb/s", "wlan0 serves better than wlan1")
		a.wishes(t, time.Second, "wlan0", all, "looks", "by eth0 100 Mb/s, wlan0 -20 dBm 100 Mb/s, wlan1 -45 dBm 100 Mb/s", "eth0 serves better than wlan0") // at once
		const later = "wlan0 -20 dBm 100 Mb/s, wlan1 -45 dBm 100 Mb/s"
		a.wishes(t, time.Second, "eth0", all, "looks")
		a.wishes(t, time.Second, "wlan1", wireless, "looks", "by "+later, "wlan0 serves better than wlan1") // at once: the kernel has chosen wlan1 since
		a.wishes(t, time.Hour, "", nil, `by `)
	})
}
