package main

import (
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
)

// onBond is the action of a verb whose only argument is the bond's name.
func onBond(do func(c *cli.Context, h *bond.Host, name string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		name, err := bondName(c)
		if err != nil {
			return err
		}
		h, err := open(c)
		if err != nil {
			return err
		}
		defer h.Close()
		return do(c, h, name)
	}
}

// open opens the network namespace that the program runs in.
func open(c *cli.Context) (*bond.Host, error) {
	h, err := bond.Open()
	if err != nil {
		return nil, err
	}
	if c.Bool("verbose") {
		h.OnStep = func(s bond.Step) error {
			fmt.Fprintf(c.App.ErrWriter, "bondctl: %s\n", printable(s.String()))
			return nil
		}
	}
	return h, nil
}

func checkName(name string) error {
	if err := bond.CheckName(name); err != nil {
		return usage(err.Error(), "")
	}
	return nil
}

// version is the module's, as the Go toolchain recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
