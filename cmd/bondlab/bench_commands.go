package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/urfave/cli/v2"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

func benchCommandsCommand() *cli.Command {
	return &cli.Command{
		Name:  "commands",
		Usage: "measure bondctl against the ip program, each as a whole process",
		Description: "The contenders take turns, each from the same clean state, in the namespace that they are\n" +
			"started in and in another one (--netns). The table has the medians, and how they compare to\n" +
			"bondctl's. The machine is emulated: its times are to be compared, not quoted. Instructions are the\n" +
			"same each time, whatever else this machine does.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "rounds", Value: 15, Usage: "how often each contender runs"},
			&cli.BoolFlag{Name: "instructions", Usage: "count instructions, the kernel's for it included, not milliseconds"},
		},
		Action: benchCommands,
	}
}

// benchCommands boots the lab and runs itself there.
func benchCommands(c *cli.Context) error {
	m := meter{rounds: c.Int("rounds"), instructions: c.Bool("instructions")}
	if c.NArg() > 0 || m.rounds < 1 {
		return errors.New("bench commands takes no arguments, and at least one round")
	}
	if netnstest.InGuest() {
		return inLab(func(t *session) error { return compare(t, m) })
	}
	return anew(func(lab *netnstest.Lab, self string) error {
		args := []string{self, "bench", "commands", "--rounds", strconv.Itoa(m.rounds)}
		if m.instructions {
			lab.CountInstructions()
			args = append(args, "--instructions")
		}
		return runIn(c.Context, lab, []string{noDocs, bondctlPackage}, args...)
	})
}

// The bond of two that every contender makes.
const (
	bondUp = "up --once --wait 0 --primary eth0 --member eth0 --member eth1 --address 192.0.2.10/24"
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

// batchFile has ipUp for ip -batch.
const batchFile = "/run/up.batch"

// benchNamespace is the namespace for what enters one.
const benchNamespace = "blue"

// A match is between contenders that do the same, the first of which is bondctl.
type match struct {
	name       string
	before     func() error // what comes before each run, and isn't timed
	contenders []contender
}

type contender []string // its command line

// matchesIn are the matches in a namespace, which the flags name.
func matchesIn(nl *netlink.Handle, where, bondctlFlags, ipFlags string) []match {
	return []match{
		{"a bond of two from nothing" + where, func() error { return reset(nl) }, []contender{
			strings.Fields("bondctl" + bondctlFlags + " " + bondUp),
			strings.Fields("ip" + ipFlags + " -batch " + batchFile),
		}},
		{"its status as JSON" + where, func() error { return nil }, []contender{
			strings.Fields("bondctl" + bondctlFlags + " status --json bond0"),
			strings.Fields("ip" + ipFlags + " -d -j link show bond0"),
		}},
	}
}

// compare plays every match and prints what came of it.
func compare(t *session, m meter) error {
	h := netnstest.New(t)
	h.Cable("eth0")
	h.Cable("eth1")
	var err error
	// All on one thread in the namespace, so that to enter it isn't a part of what is measured.
	h.Do(func() {
		if err = os.WriteFile(batchFile, []byte(ipUp), 0o644); err != nil {
			return
		}
		var other *netlink.Handle
		if other, err = otherNamespace(); err != nil {
			return
		}
		defer other.Close()
		err = m.play(append(matchesIn(h.Netlink(), "", "", ""),
			matchesIn(other, ", --netns", " --netns "+benchNamespace, " -netns "+benchNamespace)...))
	})
	return err
}

// otherNamespace makes a namespace that has a name, with the same two NICs.
func otherNamespace() (*netlink.Handle, error) {
	if out, err := exec.Command("ip", "netns", "add", benchNamespace).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ip netns add: %w\n%s", err, out)
	}
	ns, err := netns.GetFromName(benchNamespace)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	nl, err := netlink.NewHandleAt(ns)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"eth0", "eth1"} {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		if err := nl.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "p-" + name}); err != nil {
			return nil, err
		}
	}
	return nl, nil
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

// meter measures what a process costs.
type meter struct {
	rounds       int
	instructions bool
}

// play plays the matches and prints the table.
func (m meter) play(matches []match) error {
	unit := "ms"
	if m.instructions {
		unit = "M instructions"
	}
	fmt.Printf("Medians of %d:\n", m.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, match := range matches {
		medians, err := m.medians(match)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", match.name)
		for i, c := range match.contenders {
			fmt.Fprintf(w, "  %s\t%6.1f %s\t× %.2f\n", c.short(), medians[i], unit, medians[i]/medians[0])
		}
	}
	return w.Flush()
}

// medians lets the contenders take turns.
func (m meter) medians(match match) ([]float64, error) {
	costs := make([][]float64, len(match.contenders))
	for _, c := range match.contenders {
		program, err := exec.LookPath(c[0])
		if err != nil {
			return nil, err
		}
		netnstest.Warm(program)
	}
	// The round before the first is to have the programs in memory, and isn't counted.
	for round := -1; round < m.rounds; round++ {
		for i, c := range match.contenders {
			if err := match.before(); err != nil {
				return nil, fmt.Errorf("prepare %s: %w", c.short(), err)
			}
			cost, err := m.cost(exec.Command(c[0], c[1:]...))
			if err != nil {
				return nil, err
			}
			if round >= 0 {
				costs[i] = append(costs[i], cost)
			}
		}
	}
	medians := make([]float64, len(costs))
	for i := range costs {
		slices.Sort(costs[i])
		medians[i] = costs[i][len(costs[i])/2]
	}
	return medians, nil
}

// cost runs a program: milliseconds or, in a guest whose clocks count them, millions of instructions.
func (m meter) cost(cmd *exec.Cmd) (float64, error) {
	started := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(started)
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	if m.instructions {
		used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return float64(used) / float64(netnstest.InstructionTime) / 1e6, nil
	}
	return took.Seconds() * 1000, nil
}

// short is the command line as far as it tells contenders apart.
func (c contender) short() string {
	line := strings.Join(c, " ")
	line = strings.Replace(line, strings.TrimPrefix(bondUp, "up "), "...", 1)
	return strings.Replace(line, batchFile, "...", 1)
}
