package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/keeper"
	"github.com/bondctl/bondctl/bond/supplicant"
)

// defaultJoinWait is how long an association may take: two scans and a server that is slow.
const defaultJoinWait = "30s"

func wifiCommand() *cli.Command {
	return &cli.Command{
		Name:      "wifi",
		Usage:     "list, scan, join and forget the networks of a Wi-Fi member",
		ArgsUsage: "list|scan|join|forget [NAME] [SSID]",
		Description: "list shows the known networks, and scan those in range. join has the member change over to a network, waits for that, " +
			"and writes the network to the member's wpa_conf; forget removes it there. Other networks stay as they are, and so does the rest of the bond: " +
			"in the dock, the cable carries everything meanwhile.\n\n" +
			"  bondctl wifi scan\n" +
			"  bondctl wifi join \"Corner Cafe\"\n" +
			"  bondctl wifi join --key-file key.txt office Upstairs\n" +
			"  bondctl wifi forget \"Corner Cafe\"\n\n" +
			"join asks for the passphrase, without showing it. Where stdin isn't a terminal, it reads the first line there, or that of --key-file. " +
			"For a known network it asks for none. With a wrong passphrase nothing is changed.\n\n" +
			"It talks to the wpa_supplicant that bondctl runs for a member with wpa_conf, and needs root.\n\n" +
			"Exit status: 0 done, 1 failed, and then the known networks are as they were, 2 usage.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "member", Usage: "the Wi-Fi member `NAME`, where the bond has several"},
			&cli.BoolFlag{Name: "json", Usage: "list and scan: print an array of JSON"},
			&cli.StringFlag{Name: "key-file", Usage: "join: read the passphrase from the first line of `FILE`"},
			&cli.BoolFlag{Name: "open", Usage: "join: the network has no passphrase; others may read along unless it is owe"},
			&cli.BoolFlag{Name: "hidden", Usage: "join: the network doesn't tell its name; the machine does then, wherever it is"},
			&cli.StringFlag{Name: "priority", Usage: "join: of the networks in range, prefer the one with the highest `N` (default: 0)"},
			&cli.StringFlag{Name: "wait", Value: defaultJoinWait, Usage: "scan and join: wait up to `DURATION`; 0: join only makes the network known, unchecked (default: " + defaultJoinWait + ")"},
		},
		Action: wifi,
	}
}

// wifiActions are what can be done with networks. Those that take an SSID have one as
// their last argument.
var wifiActions = []struct {
	name  string
	ssid  bool
	flags []string
	do    func(*wifiWork) error
}{
	{"list", false, []string{"json"}, (*wifiWork).list},
	{"scan", false, []string{"json", "wait"}, (*wifiWork).scan},
	{"join", true, []string{"key-file", "open", "hidden", "priority", "wait"}, (*wifiWork).join},
	{"forget", true, nil, (*wifiWork).forget},
}

func wifiActionNames() (names []string) {
	for _, a := range wifiActions {
		names = append(names, a.name)
	}
	return names
}

// wifiWork is what is to be done with a member's networks.
type wifiWork struct {
	c    *cli.Context
	ssid string
	wait time.Duration
	supplicant.Client
}

const wifiHelp = "bondctl wifi --help"

// wifi does what its first argument says.
func wifi(c *cli.Context) error {
	i := slices.Index(wifiActionNames(), c.Args().First())
	if i < 0 {
		return usage("say what is to be done: "+strings.Join(wifiActionNames(), ", "), wifiHelp)
	}
	action, args := wifiActions[i], c.Args().Tail()
	for _, flag := range c.LocalFlagNames() {
		if flag != "member" && !slices.Contains(action.flags, flag) {
			return usage(fmt.Sprintf("--%s is nothing for wifi %s; leave it out", flag, action.name), wifiHelp)
		}
	}
	w := &wifiWork{c: c}
	var err error
	if w.wait, err = time.ParseDuration(c.String("wait")); err != nil || w.wait < 0 {
		return usage(fmt.Sprintf("--wait: %q is not a duration; write one such as 30s, or 0", c.String("wait")), wifiHelp)
	}
	if action.ssid {
		if len(args) == 0 {
			return usage(fmt.Sprintf("no network is named; write bondctl wifi %s [NAME] SSID", action.name), wifiHelp)
		}
		w.ssid, args = args[len(args)-1], args[:len(args)-1]
		if w.ssid == "" || len(w.ssid) > longestSSID {
			return usage(fmt.Sprintf("%q is not the name of a network, which has 1 to %d bytes", w.ssid, longestSSID), wifiHelp)
		}
	}
	name := defaultName
	if len(args) > 0 {
		name = args[0]
	}
	if len(args) > 1 {
		return surplus(c.Command, args[1])
	}
	if err := checkName(name); err != nil {
		return err
	}
	if w.Client, err = wifiMember(c, name); err != nil {
		return err
	}
	return action.do(w)
}

const longestSSID = 32

// wifiMember finds the wpa_supplicant of the member that is meant.
func wifiMember(c *cli.Context, name string) (supplicant.Client, error) {
	h, err := openHost(c)
	if err != nil {
		return supplicant.Client{}, err
	}
	defer h.Close()
	st, err := h.Brief(name)
	if err != nil {
		return supplicant.Client{}, err
	}
	var wifis []string
	for _, m := range st.Members {
		if m.Kind != nil && *m.Kind == bond.KindWiFi && m.Index != 0 {
			wifis = append(wifis, m.Name)
		}
	}
	member := c.String("member")
	switch {
	case member != "" && !slices.Contains(wifis, member):
		return supplicant.Client{}, usage(fmt.Sprintf("--member: %q is no Wi-Fi member of %s that is here; there are: %s", member, name, orNone(wifis)), wifiHelp)
	case member == "" && len(wifis) == 0:
		return supplicant.Client{}, fmt.Errorf("%s has no Wi-Fi member that is here", name)
	case member == "" && len(wifis) > 1:
		return supplicant.Client{}, usage(fmt.Sprintf("%s has several Wi-Fi members; name one with --member: %s", name, strings.Join(wifis, ", ")), wifiHelp)
	case member == "":
		member = wifis[0]
	}
	all, err := keeper.Supplicants(h, name)
	if errors.Is(err, fs.ErrPermission) {
		return supplicant.Client{}, &hintError{errors.New("the control socket of wpa_supplicant is root's alone"), "run it with sudo"}
	}
	if err != nil {
		return supplicant.Client{}, err
	}
	i := slices.IndexFunc(all, func(s supplicant.Client) bool { return s.Interface == member })
	if i < 0 {
		return supplicant.Client{}, noSupplicant(c.Context, keeper.PID(h, name) != 0, name, member)
	}
	return all[i], nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// noSupplicant says who associates a member, if that isn't bondctl.
func noSupplicant(ctx context.Context, keeps bool, name, member string) error {
	switch {
	case onBus(ctx, "net.connman.iwd"):
		return &hintError{fmt.Errorf("iwd associates %s, and not bondctl", member), "iwctl knows its networks: iwctl station " + member + " get-networks"}
	case onBus(ctx, "org.freedesktop.NetworkManager"):
		return &hintError{fmt.Errorf("bondctl runs no wpa_supplicant for %s, as its member has no wpa_conf; perhaps NetworkManager associates it", member), "what that knows is shown by: nmcli device wifi"}
	case !keeps:
		return fmt.Errorf("no keeper of %s runs, so there is no wpa_supplicant for %s", name, member)
	}
	return &hintError{fmt.Errorf("bondctl runs no wpa_supplicant for %s, as its member has no wpa_conf", member), `to have one: wpa_conf = "/etc/wpa_supplicant.conf" below its [[member]]`}
}

// onBus says whether a service is on the system bus.
func onBus(ctx context.Context, service string) (there bool) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return false
	}
	defer conn.Close()
	err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, service).Store(&there)
	return err == nil && there
}
