package main

import (
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version, as --version does",
		Description: "It is that of the module, or of the commit that the program was built from; (devel) where that isn't known.\n\n" +
			"  bondctl version\n\n" +
			"Exit status: 0 done, 1 failed, 2 usage.",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return surplus(c.Command, c.Args().First())
			}
			cli.ShowVersion(c)
			return nil
		},
	}
}

// version is the module's, as the Go toolchain recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
