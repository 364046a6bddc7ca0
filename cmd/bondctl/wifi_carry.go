package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/known"
	"github.com/bondctl/bondctl/bond/manager"
)

// A wifiCarry has the Wi-Fi networks that NetworkManager knows, for members of which the
// wanted configuration names no wpa_conf: when NetworkManager lets go of a Wi-Fi interface,
// nobody associates it any more.
type wifiCarry struct {
	file     string
	networks []known.Network
	missing  []known.Missing
	wrote    bool // the file is new
}

// carriedWiFi is where a bond's networks are kept. wpa_supplicant adds to it what is joined
// later.
func carriedWiFi(name string) string {
	return filepath.Join("/var/lib/bondctl", name, "wpa_supplicant.conf")
}

// carryWiFi names the file in the configuration, for members that need it. It writes nothing.
// What was carried over by an earlier up goes on, also where this one doesn't take over.
func carryWiFi(c *cli.Context, h *bond.Host, config *bond.Config) (*wifiCarry, error) {
	if !h.InitialNamespace() || c.Bool("once") {
		return nil, nil
	}
	w := &wifiCarry{file: carriedWiFi(config.Name)}
	carried, err := w.carriedBefore(config.Name)
	if err != nil || !carried && !config.TakeOver {
		return nil, err
	}
	survey, err := h.Survey(*config)
	if err != nil {
		return nil, err
	}
	lacking, links := lackWPA(config.Members, survey.Members)
	if lacking == nil {
		return nil, nil
	}
	if !carried {
		if !associates(c.Context, links) {
			return nil, nil
		}
		if w.networks, w.missing, err = known.Find(interfaceOf(links)); err != nil {
			return nil, err
		}
		for _, m := range w.missing {
			warn(c, "Wi-Fi network %s of %s isn't carried over: %s", m.Name, m.Source, m.Reason)
		}
		if len(w.networks) == 0 {
			return nil, nil
		}
	}
	for _, i := range lacking {
		config.Members[i].WPAConf = w.file
	}
	return w, nil
}

// lackWPA are the members that are Wi-Fi and name no wpa_conf, and their links. One that doesn't
// say what kind it is of is what it matches now.
func lackWPA(members []bond.Member, found []bond.Surveyed) (lacking []int, links []bond.Link) {
	for i, m := range members {
		var matched []bond.Link
		wired := false
		for _, s := range found {
			if s.Wanted == m.String() && s.Name != "" {
				matched, wired = append(matched, s.Link), wired || !s.WiFi
			}
		}
		if m.WPAConf == "" && !wired && (m.Kind == bond.KindWiFi || matched != nil) {
			lacking, links = append(lacking, i), append(links, matched...)
		}
	}
	return lacking, links
}

// carriedBefore says whether an earlier up has carried networks over.
func (w *wifiCarry) carriedBefore(name string) (bool, error) {
	if _, err := os.Stat(w.file); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	inForce, resting, err := manager.LedgerOf(name).Handovers()
	return len(inForce)+len(resting) > 0, err
}

// associates says whether NetworkManager looks after one of the links, and so has it associated.
func associates(ctx context.Context, links []bond.Link) bool {
	var names []string
	for _, l := range links {
		names = append(names, l.Name)
	}
	holds, _ := manager.Holds(ctx, names) // an error is met again, where it counts
	return slices.ContainsFunc(holds, func(h manager.Hold) bool { return h.Manager == manager.NetworkManager })
}

// interfaceOf is the interface whose networks are asked for; whichever where there are
// several.
func interfaceOf(links []bond.Link) known.Interface {
	if len(links) > 1 {
		return known.Interface{}
	}
	return known.Interface{Name: links[0].Name}
}

// tell says what write does.
func (w *wifiCarry) tell(c *cli.Context) {
	if w != nil && w.networks != nil {
		var names []string
		for _, n := range w.networks {
			names = append(names, strconv.Quote(string(n.SSID)))
		}
		fmt.Fprintf(c.App.Writer, "write %s, with Wi-Fi %s\n", w.file, strings.Join(names, ", "))
	}
}

// write writes the networks down, beside those that are in the file already.
func (w *wifiCarry) write(c *cli.Context) error {
	if w == nil || w.networks == nil {
		return nil
	}
	if _, err := os.Stat(w.file); errors.Is(err, fs.ErrNotExist) {
		w.wrote = true
	}
	w.tell(c)
	return known.Write(c.Context, w.file, w.networks)
}

// undo removes a file that is new, for an up that has failed.
func (w *wifiCarry) undo(c *cli.Context) {
	if w == nil || !w.wrote {
		return
	}
	if err := os.Remove(w.file); err != nil {
		warn(c, "%v", err)
	}
}
