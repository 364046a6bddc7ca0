// Command bondlab is the lab of package netnstest for people: it shows a dock and an undock with
// the real bondctl, measures it against everything else that makes such a bond, and runs any command
// inside the lab.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/bondctl/bondctl/netnstest"
	"github.com/urfave/cli/v2"
)

func main() {
	netnstest.RunInit()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := app().RunContext(ctx, os.Args)
	stop()
	var status exitStatus
	if errors.As(err, &status) {
		os.Exit(int(status))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bondlab: error:", err)
		if errors.Is(err, netnstest.ErrUnavailable) {
			fmt.Fprintln(os.Stderr, "bondlab: hint: ./netnstest/setup installs what is missing")
		}
		os.Exit(1)
	}
}

// exitStatus is the exit status of a command in the lab, to be passed on without a word.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func app() *cli.App {
	return &cli.App{
		Name:  "bondlab",
		Usage: "a virtual machine with a dock and Wi-Fi to try bondctl in",
		Description: "The machine's root is this one's, read-only, with a file system in memory on top.\n" +
			"Nothing that is done in it reaches this machine.",
		HideVersion: true,
		Commands:    []*cli.Command{runCommand(), demoCommand(), benchCommand()},
		// Errors come back from Run, and main reports them.
		ExitErrHandler: func(*cli.Context, error) {},
	}
}

// boot runs a command in a new guest, with bondctl in its PATH, and passes its streams and its exit
// status on.
func boot(ctx context.Context, packages []string, args ...string) error {
	lab, err := netnstest.Open()
	if err != nil {
		return err
	}
	defer lab.Close()
	return runIn(ctx, lab, packages, args...)
}

// anew has a lab run this program in its guest.
func anew(run func(lab *netnstest.Lab, self string) error) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	lab, err := netnstest.Open()
	if err != nil {
		return err
	}
	defer lab.Close()
	return run(lab, self)
}

// runIn is boot in a lab that is open.
func runIn(ctx context.Context, lab *netnstest.Lab, packages []string, args ...string) error {
	return runTo(ctx, lab, os.Stdout, packages, args...)
}

// runTo is runIn with another standard output.
func runTo(ctx context.Context, lab *netnstest.Lab, out io.Writer, packages []string, args ...string) error {
	if err := lab.Build(ctx, packages...); err != nil {
		return err
	}
	status, err := lab.Run(ctx, netnstest.Job{
		Args:   args,
		Stdin:  os.Stdin,
		Stdout: out,
		Stderr: os.Stderr,
	})
	if err != nil {
		return err
	}
	if status != 0 {
		return exitStatus(status)
	}
	return nil
}

// bondctlPackage is what the lab is for, as go build names it.
const bondctlPackage = "./cmd/bondctl"

// noDocs builds it as the README says: urfave/cli can write manual pages, which it
// doesn't use, and what that takes made a fifth of each start.
const noDocs = "-tags=urfave_cli_no_docs"
