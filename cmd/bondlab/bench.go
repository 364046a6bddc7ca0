package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/urfave/cli/v2"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:  "bench",
		Usage: "measure bondctl against everything else that makes such a bond",
		Description: "Each contender makes an active-backup bond of two NICs with miimon 100, unless its name says\n" +
			"otherwise, and keeps it while cables are pulled under 1,000 frames a second. They take turns in\n" +
			"one lab, which is emulated: its times are to be compared, not quoted. One that can't run is left\n" +
			"out, and the output says why. Tables go to standard output.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "trials", Value: 20, Usage: "how often the cable is pulled"},
			&cli.StringFlag{Name: "only", Usage: "measure those contenders alone whose name contains `TEXT`"},
			&cli.StringSliceFlag{Name: "up", Usage: "measure bondctl with these `FLAGS` of up, too, as --up '--miimon 20'; may be given again"},
			&cli.StringFlag{Name: "svg", Usage: "write a picture of the outages to `FILE`"},
		},
		Action:      bench,
		Subcommands: []*cli.Command{benchCommandsCommand()},
	}
}

// bench boots the lab and runs itself there. The guest has its own files, so the picture comes on standard
// output, below the tables.
func bench(c *cli.Context) error {
	trials := c.Int("trials")
	chosen := choose(peers(), c.StringSlice("up"), c.String("only"))
	switch {
	case c.NArg() > 0:
		return fmt.Errorf("bench %s: there is no such command; bondlab bench --help tells what there is", c.Args().First())
	case trials < 1:
		return errors.New("bench: --trials must be at least 1")
	case len(chosen) == 0:
		return fmt.Errorf("bench: no contender's name contains %q", c.String("only"))
	case netnstest.InGuest():
		return measurePeers(os.Stdout, chosen, trials)
	}
	args := []string{"bench", "--trials", strconv.Itoa(trials), "--only", c.String("only")}
	for _, flags := range c.StringSlice("up") {
		args = append(args, "--up", flags)
	}
	var out strings.Builder
	err := anew(func(lab *netnstest.Lab, self string) error {
		return runTo(c.Context, lab, &out, []string{noDocs, bondctlPackage}, append([]string{self}, args...)...)
	})
	if err != nil {
		return err
	}
	text, picture, _ := strings.Cut(out.String(), pictureStart)
	fmt.Print(text)
	if file := c.String("svg"); file != "" {
		return os.WriteFile(file, []byte(pictureStart+picture), 0o644)
	}
	return nil
}

// choose adds bondctl with other flags to the peers, and leaves those whose name contains a text.
func choose(all []peer, up []string, only string) []peer {
	for _, flags := range up {
		all = append(all, bondctlPeer(flags))
	}
	return slices.DeleteFunc(all, func(p peer) bool { return !strings.Contains(p.name, only) })
}
