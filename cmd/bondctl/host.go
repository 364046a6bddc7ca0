package main

import (
	"fmt"

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
		h, err := openHost(c)
		if err != nil {
			return err
		}
		defer h.Close()
		return do(c, h, name)
	}
}

// how has each change said before it is made, if that is asked for.
func how(c *cli.Context) bond.How {
	if !c.Bool("verbose") {
		return bond.How{}
	}
	tell := func(s bond.Step) { fmt.Fprintf(c.App.ErrWriter, "bondctl: %s\n", printable(s.String())) }
	return bond.How{OnUndo: tell, OnStep: func(s bond.Step) error { tell(s); return nil }}
}

func checkName(name string) error {
	if err := bond.CheckName(name); err != nil {
		return usage(err.Error(), "")
	}
	return nil
}
