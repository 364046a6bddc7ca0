package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bondctl/bondctl/bond/supplicant"
)

// A knownNetwork is a network as wifi list shows it.
type knownNetwork struct {
	Member   string `json:"member"`
	SSID     string `json:"ssid"` // in valid UTF-8, whatever it is
	SSIDHex  string `json:"ssid_hex"`
	KeyMgmt  string `json:"key_mgmt"` // as in wpa_supplicant.conf(5)
	Priority int    `json:"priority"`
	Current  bool   `json:"current"`
	Disabled bool   `json:"disabled"`
	Failing  bool   `json:"failing"`
}

// A visibleNetwork is a network as wifi scan shows it: of its access points, the one with
// the strongest signal.
type visibleNetwork struct {
	Member    string `json:"member"`
	SSID      string `json:"ssid"`
	SSIDHex   string `json:"ssid_hex"`
	Security  string `json:"security"` // open, owe, wep, wpa2, wpa2/wpa3, wpa3, 802.1x
	Signal    int    `json:"signal"`   // dBm
	BSSID     string `json:"bssid"`
	Frequency int    `json:"frequency"` // MHz
	Points    int    `json:"access_points"`
	Known     bool   `json:"known"`
	Current   bool   `json:"current"`
}

func validSSID(ssid []byte) string { return strings.ToValidUTF8(string(ssid), "\ufffd") }

// list prints the networks that are known.
func (w *wifiWork) list() error {
	known, err := w.Networks(w.c.Context)
	if err != nil {
		return err
	}
	slices.SortStableFunc(known, func(a, b supplicant.Network) int { return cmp.Compare(b.Priority, a.Priority) })
	if w.c.Bool("json") {
		list := []knownNetwork{}
		for _, n := range known {
			list = append(list, knownNetwork{w.Interface, validSSID(n.SSID), hex.EncodeToString(n.SSID), n.KeyMgmt, n.Priority, n.Current, n.Disabled, n.Failing})
		}
		return writeJSON(w.c.App.Writer, list, "  ")
	}
	if len(known) == 0 {
		fmt.Fprintf(w.c.App.Writer, "%s knows no network\n", w.Interface)
		return nil
	}
	t := tabwriter.NewWriter(w.c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NETWORK\tPRIORITY\tKEYS\tSTATE")
	for _, n := range known {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", printable(string(n.SSID)), n.Priority, printable(n.KeyMgmt), networkState(n))
	}
	return t.Flush()
}

func networkState(n supplicant.Network) string {
	switch {
	case n.Current:
		return "current"
	case n.Disabled:
		return "disabled"
	case n.Failing:
		return "failing"
	}
	return "known"
}

// scan prints the networks that are in range.
func (w *wifiWork) scan() error {
	if w.wait == 0 {
		return usage("--wait: a scan takes its time; name a duration such as 30s", wifiHelp)
	}
	ctx, cancel := context.WithTimeout(w.c.Context, w.wait)
	defer cancel()
	points, err := w.Scan(ctx)
	if err != nil {
		return err
	}
	known, err := w.Networks(w.c.Context)
	if err != nil {
		return err
	}
	list := visible(w.Interface, points, known)
	if w.c.Bool("json") {
		return writeJSON(w.c.App.Writer, list, "  ")
	}
	if len(list) == 0 {
		fmt.Fprintf(w.c.App.Writer, "%s sees no network\n", w.Interface)
		return nil
	}
	t := tabwriter.NewWriter(w.c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NETWORK\tSIGNAL\tSECURITY\tSTATE")
	for _, n := range list {
		state := "-"
		if n.Known {
			state = "known"
		}
		if n.Current {
			state = "current"
		}
		ssid, _ := hex.DecodeString(n.SSIDHex)
		fmt.Fprintf(t, "%s\t%d dBm\t%s\t%s\n", printable(string(ssid)), n.Signal, n.Security, state)
	}
	return t.Flush()
}

// visible makes networks of access points. Those that don't tell their name can't be
// joined by it, and are left out.
func visible(member string, points []supplicant.AccessPoint, known []supplicant.Network) []visibleNetwork {
	slices.SortStableFunc(points, func(a, b supplicant.AccessPoint) int { return cmp.Compare(b.Signal, a.Signal) })
	list := []visibleNetwork{}
	for _, p := range points {
		digits := hex.EncodeToString(p.SSID)
		same := func(n visibleNetwork) bool { return n.SSIDHex == digits && n.Security == p.Security() }
		if i := slices.IndexFunc(list, same); i >= 0 {
			list[i].Points++
			continue
		}
		if len(p.SSID) == 0 {
			continue
		}
		n := visibleNetwork{Member: member, SSID: validSSID(p.SSID), SSIDHex: digits, Security: p.Security(), Signal: p.Signal, BSSID: p.BSSID.String(), Frequency: p.Frequency, Points: 1}
		for _, k := range known {
			if string(k.SSID) == string(p.SSID) {
				n.Known, n.Current = true, n.Current || k.Current
			}
		}
		list = append(list, n)
	}
	return list
}
