package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

const upDescription = `Wanted is what the configuration file says, and then the flags; what neither names is at its default. With neither file nor flags it is what was last wanted of this bond. A flag that is repeatable, such as --member, replaces the file's whole list, and a slave that is no longer wanted is released. A member that is absent is no error: the keeper, which up leaves running, takes it in when it appears. A keeper that runs already goes by what is now wanted. If a step fails, everything is put back as it was.

The bond takes over what members carry: their addresses, routes, rules, neighbours and MTU, IPv4 and IPv6, and the VLANs upon them, so that open connections go on; down gives each back. --dry-run says what is interrupted. What the bond has no room for, such as an address of another network, is refused, unless --take-over gives it up.

A member that NetworkManager, systemd-networkd or ifupdown looks after is refused as well, with the lines that hand it over. --take-over has the manager leave the members alone, those that come later too, until the next boot or, with --save, for good; down has it look after them again. Wi-Fi goes on with the networks that NetworkManager knows. --take-over also removes addresses and routes that somebody has given to slaves.

Where the bond takes something over from a member, or loses an address or a default route, and with --verify or --confirm, the change is on trial: a guardian, which is a process of its own, puts everything back if up is killed or hangs, if who answered before doesn't answer any more, or if nobody confirms it in time. If up and its guardian are both killed, the next up or down puts it back. What is on trial is shown by status.

Where systemd runs, the keeper is the service bondctl@NAME, which systemd restarts after a crash; elsewhere it is a process of its own. With --save it is there after a reboot, too: what is wanted is written to the file, and what was there is kept as NAME.toml.old.

  bondctl up --primary eth0 --member eth0 --member wlan0
  bondctl up office --config office.toml --dry-run
  bondctl up office --config office.toml --save
  bondctl up --take-over --save --member eth0 --member wlan0
  bondctl up --member eth0 --member wlan0 --confirm 1m

The file has the flags' names as its keys, with underscores for dashes, but for members and addresses:

  primary = "eth0"
  miimon = "100ms"

  [[member]]              # in order of preference
  name = "eth0"

  [[member]]
  kind = "wifi"
  wpa_conf = "/etc/wpa_supplicant.conf"

  [ipv4]
  addresses = ["192.0.2.10/24"]
  gateway = "192.0.2.1"

With strategy = "routes" in the file no bond is made, and NAME is the group's: each member keeps addresses of its own, with a routing table and rules, and the first that has a link carries what names no source. --dry-run shows the rules and tables.

  strategy = "routes"

  [[member]]
  name = "eth0"
  [member.ipv4]
  addresses = ["192.0.2.10/24"]
  gateway = "192.0.2.1"

  [[member]]              # what it has, or else an address by DHCP
  kind = "wifi"
  wpa_conf = "/etc/wpa_supplicant.conf"

A TIME is a duration such as 100ms or 4s, or a plain number of milliseconds as in the kernel's documentation.

Exit status: 0 done, be it with a member absent or without a link; 1 failed and put back; 2 usage or configuration, all that is wrong at once, and nothing was touched.`

func upCommand() *cli.Command {
	return &cli.Command{
		Name:        "up",
		Usage:       "make the bond what is wanted, changing only what differs",
		ArgsUsage:   "[NAME]",
		Description: upDescription,
		Flags:       upFlags(),
		Action:      up,
	}
}

func up(c *cli.Context) error {
	name, err := bondName(c)
	if err != nil {
		return err
	}
	wait, err := upWait(c)
	if err != nil {
		return err
	}
	flags, err := readTrialFlags(c)
	if err != nil {
		return err
	}
	wanted, err := namedConfig(c, name)
	if err != nil {
		return err
	}
	h, err := openHost(c)
	if err != nil {
		return err
	}
	defer h.Close()
	if wanted == nil {
		if wanted, err = recordedConfig(h, name); err != nil {
			return err
		}
	}
	wanted.Config.TakeOver = c.Bool("take-over")
	networks, err := carryWiFi(c, h, &wanted.Config)
	if err != nil {
		return err
	}
	if err := checkKeepersWork(c, wanted.Config); err != nil {
		return err
	}
	var s *saving
	if c.Bool("save") {
		if s, err = newSaving(c, h, wanted.Config); err != nil {
			return err
		}
		defer s.close()
	}
	t := &trial{c: c, h: h, config: wanted.Config, networks: networks, trialFlags: flags}
	if c.Bool("dry-run") {
		return t.foretell(s)
	}
	if err := clearTrial(c, h, name); err != nil {
		return err
	}
	return reconcile(t, *wanted, s, wait)
}

// foretell says what up would do and what that interrupts, and does nothing.
func (t *trial) foretell(s *saving) error {
	plan, err := foretellOwners(t.c, t.h, t.config)
	if err != nil {
		return err
	}
	t.networks.tell(t.c)
	say(t.c, t.config.Name, plan)
	warnOfFilters(t.c, t.config.Name, plan)
	warnOfNetworkd(t.c, t.h, t.config)
	for _, what := range plan.Interrupts {
		fmt.Fprintln(t.c.App.Writer, printable(what.Naming(flagOfKey)))
	}
	newScreen(t.c.App.Writer).policy(plan.Policy)
	s.foretell(t.c, plan)
	return nil
}

// upWait is for how long up waits for an active slave.
func upWait(c *cli.Context) (time.Duration, error) {
	wait, err := time.ParseDuration(c.String("wait"))
	if err != nil || wait < 0 {
		return 0, usage(fmt.Sprintf("--wait: %q is not a duration; write one such as 10s, or 0", c.String("wait")), "bondctl up --help")
	}
	return wait, nil
}

// reconcile does the work of up, and prints what came of it.
func reconcile(t *trial, wanted bond.Wanted, s *saving, wait time.Duration) error {
	c, h, config := t.c, t.h, t.config
	if !config.ByRoutes() {
		loadBonding()
		if err := preflight(config.Name); err != nil {
			return err
		}
	}
	if c.Bool("once") {
		if err := dismissKeeper(c, h, config); err != nil {
			return err
		}
	}
	plan, err := t.change(wanted)
	if err != nil {
		return t.failed(err)
	}
	if err := t.done(); err != nil {
		return err
	}
	say(c, config.Name, plan)
	if t.guardian == nil { // or once it is confirmed
		if err := s.save(c, plan); err != nil {
			return err
		}
	}
	// The bond is as wanted: what fails from here on is a warning.
	st := afterwards(c, h, config, plan.After)
	if t.guardian == nil { // the keeper has let go of them by now, too
		giveBackReleased(c, h, config.Name)
	}
	if wait > 0 && plan.Members > 0 {
		if st, err = waitUsable(c, h, config, st, wait); err != nil {
			return t.abandon(err)
		}
	}
	sayAddress(c, config, st)
	warnOfNetworkd(c, h, config)
	if !plan.Empty() || st.Health != bond.HealthOK {
		fmt.Fprintln(c.App.Writer, healthLine(st))
	}
	if t.guardian == nil {
		return nil
	}
	if err := t.await(); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s: kept\n", printable(config.Name))
	giveBackReleased(c, h, config.Name)
	return s.save(c, plan)
}

// afterwards leaves a keeper or, without one, hands the name servers over. It returns the
// bond's status by then.
func afterwards(c *cli.Context, h *bond.Host, config bond.Config, st bond.Status) bond.Status {
	if c.Bool("once") {
		handOverNames(c, h, config)
		return st
	}
	if err := leaveKeeper(c, h, config.Name); err != nil {
		warn(c, "%v", err)
	}
	kept, err := h.Brief(config.Name)
	if err != nil {
		warn(c, "%v", err)
		return st
	}
	return kept
}

// sayAddress says why a bond has no address, and where one may come from.
func sayAddress(c *cli.Context, config bond.Config, st bond.Status) {
	switch {
	case len(st.Addresses) > 0 || config.Method == bond.MethodNone || config.ByRoutes(): // whose members have them
	case c.Bool("once"):
		warn(c, "%s has no address: --address gives it one, or the keeper by DHCP, and --once leaves none", config.Name)
	default:
		warn(c, "%s has no address yet; its keeper asks for one by DHCP", config.Name)
	}
}

// waitUsable waits for an active slave and, where the method is dhcp, for an address.
// It returns the bond's status then.
func waitUsable(c *cli.Context, h *bond.Host, config bond.Config, st bond.Status, wait time.Duration) (bond.Status, error) {
	lease := config.Method == bond.MethodDHCP && st.Lease == nil
	if st.Active != nil && !lease {
		return st, nil
	}
	end := time.Now().Add(wait)
	err := h.WaitActive(c.Context, config.Name, wait)
	if err == nil && lease {
		err = h.WaitAddress(c.Context, config.Name, time.Until(end))
	}
	switch {
	case errors.Is(err, bond.ErrNoActive):
		warn(c, "%s has no active %s after %s; it stays, and takes the first member that gets a link", config.Name, memberWord(config), wait)
	case errors.Is(err, bond.ErrNoAddress): // which is said below
	case err != nil:
		return st, err
	}
	return h.Status(config.Name)
}

// memberWord is what the active one is called.
func memberWord(config bond.Config) string {
	if config.ByRoutes() {
		return "member"
	}
	return "slave"
}

// say prints a plan: its steps are results, its notes warnings.
func say(c *cli.Context, name string, plan bond.Plan) {
	for _, note := range plan.Notes {
		warn(c, "%s", note.Naming(flagOfKey))
	}
	if plan.Empty() {
		fmt.Fprintf(c.App.Writer, "%s: nothing to change\n", name)
	}
	for _, step := range plan.Steps {
		fmt.Fprintln(c.App.Writer, printable(step.String()))
	}
}

func warn(c *cli.Context, format string, args ...any) {
	fmt.Fprintf(c.App.ErrWriter, "bondctl: warning: %s\n", printable(fmt.Sprintf(format, args...)))
}

// loadBonding loads the bonding driver without the bond0 that it would make by
// itself when the kernel loads it. If that can't be done, the kernel says why
// when the bond is made.
func loadBonding() {
	if _, err := os.Stat("/sys/module/bonding"); errors.Is(err, fs.ErrNotExist) && os.Geteuid() == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = exec.CommandContext(ctx, "modprobe", "--quiet", "bonding", "max_bonds=0").Run()
	}
}
