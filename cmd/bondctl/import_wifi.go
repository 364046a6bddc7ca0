package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/bondctl/bondctl/bond/known"
)

// importWiFi writes the Wi-Fi networks that NetworkManager and iwd know as a
// wpa_supplicant.conf: to a file, for root alone, or to stdout where file is "". Keys are
// never shown on a terminal.
func importWiFi(c *cli.Context, file string) error {
	if out, ok := c.App.Writer.(*output).Writer.(*os.File); ok && file == "" && term.IsTerminal(int(out.Fd())) {
		return usage("the keys of the networks would be shown on this terminal; write them to a file with -o FILE", "bondctl import --help")
	}
	networks, missing, err := known.Find(known.Interface{})
	if errors.Is(err, fs.ErrPermission) {
		return hinted(err, "only root may read the keys: run it with sudo")
	}
	if err != nil {
		return err
	}
	return writeNetworks(c, file, networks, missing)
}

// writeNetworks writes networks, and says which can't be. The exit status is 1 where there
// are such.
func writeNetworks(c *cli.Context, file string, networks []known.Network, missing []known.Missing) error {
	for _, m := range missing {
		warn(c, "%s (%s) is left out: %s", m.Name, m.Source, m.Reason)
	}
	if len(networks) == 0 && len(missing) == 0 {
		return errors.New("neither NetworkManager nor iwd knows a Wi-Fi network, so nothing is written")
	}
	if file == "" {
		if _, err := c.App.Writer.Write(known.Format(networks)); err != nil {
			return err
		}
	} else {
		if err := known.Write(c.Context, file, networks); err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "write %s: %s\n", printable(file), counted(len(networks), "network", "networks"))
	}
	if len(missing) > 0 {
		return exitError(exitFailed)
	}
	return nil
}
