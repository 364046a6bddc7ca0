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
	var lacking []int
	for i, m := range config.Members {
		if m.WPAConf == "" && (m.Kind == bond.KindWiFi || isWiFi(m.Name)) {
			lacking = append(lacking, i)
		}
	}
	if lacking == nil {
		return nil, nil
	}
	carried, err := w.carriedBefore(config.Name)
	if err != nil {
		return nil, err
	}
	if !carried {
		if !config.TakeOver || !associates(c.Context, config, lacking) {
			return nil, nil
		}
		if w.networks, w.missing, err = known.Find(interfaceOf(config, lacking)); err != nil {
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

// carriedBefore says whether an earlier up has carried networks over.
func (w *wifiCarry) carriedBefore(name string) (bool, error) {
	if _, err := os.Stat(w.file); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	inForce, resting, err := manager.LedgerOf(name).Handovers()
	return len(inForce)+len(resting) > 0, err
}

// associates says whether NetworkManager looks after one of the members, and so has it
// associated; or, of a pattern, whether it might.
func associates(ctx context.Context, config *bond.Config, members []int) bool {
	var names []string
	for _, i := range members {
		if m := config.Members[i]; m.Name != "" {
			names = append(names, m.Name)
		} else {
			names = append(names, wirelessNames()...)
		}
	}
	holds, _ := manager.Holds(ctx, names) // an error is met again, where it counts
	return slices.ContainsFunc(holds, func(h manager.Hold) bool { return h.Manager == manager.NetworkManager })
}

// interfaceOf is the interface whose networks are asked for; whichever where there are
// several.
func interfaceOf(config *bond.Config, members []int) known.Interface {
	if len(members) > 1 {
		return known.Interface{}
	}
	return known.Interface{Name: config.Members[members[0]].Name}
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

// isWiFi says whether an interface is there and is Wi-Fi.
func isWiFi(name string) bool {
	if name == "" || name != filepath.Base(name) {
		return false
	}
	_, err := os.Stat(filepath.Join("/sys/class/net", name, "phy80211"))
	return err == nil
}

func wirelessNames() (names []string) {
	all, _ := os.ReadDir("/sys/class/net")
	for _, e := range all {
		if isWiFi(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}
