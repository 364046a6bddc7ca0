package main

import (
	"errors"
	"fmt"
	"os"
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
			"otherwise, and keeps it while cables are pulled under 1,000 frames a second. They run one after\n" +
			"the other in one lab, which is emulated: its times are to be compared, not quoted.\n" +
			"A table goes to standard output, and with --svg a picture of the outages to a file.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "trials", Value: 20, Usage: "how often the cable is pulled"},
			&cli.StringFlag{Name: "only", Usage: "measure those contenders alone whose name contains `TEXT`"},
			&cli.StringFlag{Name: "svg", Usage: "write the picture to `FILE`"},
		},
		Action:      bench,
		Subcommands: []*cli.Command{benchCommandsCommand()},
	}
}

// bench boots the lab and runs itself there. The guest has its own files, so the picture comes on standard
// output, behind the table.
func bench(c *cli.Context) error {
	trials, only := c.Int("trials"), c.String("only")
	if c.NArg() > 0 || trials < 1 {
		return errors.New("bench takes no arguments but commands, and at least one trial")
	}
	if netnstest.InGuest() {
		return benchPeers(os.Stdout, trials, only)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	lab, err := netnstest.Open()
	if err != nil {
		return err
	}
	defer lab.Close()
	var out strings.Builder
	if err := runTo(c.Context, lab, &out, []string{noDocs, bondctlPackage}, self, "bench", "--trials", strconv.Itoa(trials), "--only", only); err != nil {
		return err
	}
	table, picture, _ := strings.Cut(out.String(), svgStart)
	fmt.Print(table)
	if file := c.String("svg"); file != "" {
		return os.WriteFile(file, []byte(svgStart+picture), 0o644)
	}
	return nil
}
