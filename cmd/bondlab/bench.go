package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/urfave/cli/v2"
	"github.com/vishvananda/netlink"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:  "bench",
		Usage: "measure bondctl against the ip program, each as a whole process",
		Description: "The contenders take turns, each from the same clean state, and the medians are told. The\n" +
			"machine is emulated: its times are to be compared, not quoted.",
		Flags:  []cli.Flag{&cli.IntFlag{Name: "rounds", Value: 15, Usage: "how often each contender runs"}},
		Action: bench,
	}
}

// bench boots the lab and runs itself there.
func bench(c *cli.Context) error {
	rounds := c.Int("rounds")
	if c.NArg() > 0 || rounds < 1 {
		return errors.New("bench takes no arguments, and at least one round")
	}
	if netnstest.InGuest() {
		return inLab(func(t *session) error { return compare(t, rounds) })
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return boot(c.Context, []string{bondctlPackage}, self, "bench", "--rounds", strconv.Itoa(rounds))
}

// The bond of two that every contender makes.
const (
	bondUp = "bondctl up --once --wait 0 --primary eth0 --member eth0 --member eth1 --address 192.0.2.10/24"
	ipUp   = `link add bond0 type bond mode active-backup miimon 100
link set eth0 down
link set eth1 down
link set eth0 master bond0
link set eth1 master bond0
link set bond0 type bond primary eth0
link set bond0 up
address add 192.0.2.10/24 dev bond0
`
)

// A match is between contenders that do the same, the first of which is bondctl.
type match struct {
	name       string
	before     func() error // what comes before each run, and isn't timed
	contenders []contender
}

type contender struct {
	name string
	args []string
}

// compare plays every match and prints what came of it.
func compare(t *session, rounds int) error {
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	batch := filepath.Join("/run", "up.batch")
	commands := "set -e\n" + strings.ReplaceAll("\n"+strings.TrimSpace(ipUp), "\n", "\nip ")
	fromNothing := func() error { return reset(h.Netlink()) }
	matches := []match{
		{"a bond of two from nothing", fromNothing, []contender{
			{"bondctl up", strings.Fields(bondUp)},
			{"ip -batch", []string{"ip", "-batch", batch}},
			{"sh, 8 × ip", []string{"sh", "-c", commands}},
		}},
		{"its status as JSON", func() error { return nil }, []contender{
			{"bondctl status --json", []string{"bondctl", "status", "--json", "bond0"}},
			{"ip -d -j link show", []string{"ip", "-d", "-j", "link", "show", "bond0"}},
		}},
	}
	var err error
	// All on one thread in the namespace, so that to enter it isn't a part of what is measured.
	h.Do(func() {
		if err = os.WriteFile(batch, []byte(ipUp), 0o644); err != nil {
			return
		}
		for _, m := range matches {
			var medians []time.Duration
			if medians, err = m.play(rounds); err != nil {
				return
			}
			m.print(medians, rounds)
		}
	})
	return err
}

// reset takes the bond away, sets the members down, and has bondctl forget.
func reset(nl *netlink.Handle) error {
	if bond, err := nl.LinkByName("bond0"); err == nil {
		if err := nl.LinkDel(bond); err != nil {
			return err
		}
	}
	for _, name := range []string{"eth0", "eth1"} {
		link, err := nl.LinkByName(name)
		if err != nil {
			return err
		}
		if err := nl.LinkSetDown(link); err != nil {
			return err
		}
	}
	return os.RemoveAll("/run/bondctl")
}

// play lets the contenders take turns, and returns the median of each.
func (m match) play(rounds int) ([]time.Duration, error) {
	times := make([][]time.Duration, len(m.contenders))
	// The round before the first is to have the programs in memory, and isn't counted.
	for round := -1; round < rounds; round++ {
		for i, c := range m.contenders {
			if err := m.before(); err != nil {
				return nil, fmt.Errorf("prepare %s: %w", c.name, err)
			}
			started := time.Now()
			out, err := exec.Command(c.args[0], c.args[1:]...).CombinedOutput()
			took := time.Since(started)
			if err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", c.name, err, out)
			}
			if round >= 0 {
				times[i] = append(times[i], took)
			}
		}
	}
	medians := make([]time.Duration, len(times))
	for i := range times {
		slices.Sort(times[i])
		medians[i] = times[i][len(times[i])/2]
	}
	return medians, nil
}

// print prints the medians, and how they compare to the first.
func (m match) print(medians []time.Duration, rounds int) {
	fmt.Printf("%s (median of %d)\n", m.name, rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, c := range m.contenders {
		fmt.Fprintf(w, "%s\t%.1f ms\t× %.2f\t\n", c.name, medians[i].Seconds()*1000, medians[i].Seconds()/medians[0].Seconds())
	}
	_ = w.Flush()
}
