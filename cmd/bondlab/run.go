package main

import (
	"errors"
	"os"
	"os/exec"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/urfave/cli/v2"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run a command in the lab",
		ArgsUsage: "-- COMMAND [ARGUMENT...]",
		Description: "Standard input, output, error and the exit status come through. bondctl, built from the\n" +
			"working directory's module, is in PATH.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "docked", Usage: "plug in a USB dock (usb0) and associate with a Wi-Fi (wlan0) first;\n" +
				"behind both is a LAN, 192.0.2.1/24"},
			&cli.StringFlag{Name: "build", Value: bondctlPackage, Usage: "build this `PACKAGE` and have it in PATH; '' for none"},
		},
		Action: run,
	}
}

func run(c *cli.Context) error {
	if c.NArg() == 0 {
		return errors.New("run what? give a command after --")
	}
	args := c.Args().Slice()
	if netnstest.InGuest() {
		return runDocked(args)
	}
	var packages []string
	if p := c.String("build"); p != "" {
		packages = append(packages, noDocs, p)
	}
	if c.Bool("docked") {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		args = append([]string{self, "run", "--docked", "--"}, args...)
	}
	return boot(c.Context, packages, args...)
}

// runDocked is the part of run --docked that runs in the guest.
func runDocked(args []string) error {
	return inLab(func(t *session) error {
		m := netnstest.NewMachine(t)
		m.USBDock()
		m.WiFi()
		cmd := m.Command(args[0], args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		err := cmd.Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
			return exitStatus(exit.ExitCode())
		}
		return err
	})
}
