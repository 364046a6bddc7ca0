package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/etc"
	"github.com/bondctl/bondctl/bond/ifupdown"
	"github.com/bondctl/bondctl/bond/importer"
)

const importVerb = "import"

func importCommand() *cli.Command {
	return &cli.Command{
		Name:      importVerb,
		Usage:     "print another tool's configuration of a bond as bondctl's",
		ArgsUsage: "FILE|FOLDER [NAME]",
		Description: "It reads /etc/network/interfaces (ifupdown, ifupdown2, Proxmox), files of systemd-networkd, netplan, NetworkManager, ifcfg, " +
			"teamd and Talos, and tells them apart. Of a FOLDER it reads the files of one kind. NAME is the bond that is meant where there are several. " +
			"What can't be carried over stands above the configuration as a comment, with its place and the reason. " +
			"So does how to switch the old configuration off. Without --save and --output nothing is changed, and nothing that a file names is run.\n\n" +
			"  bondctl import /etc/network/interfaces\n" +
			"  bondctl import --save /etc/netplan bond0\n" +
			"  bondctl import --running bond0\n" +
			"  bondctl import --wifi -o /etc/wpa_supplicant/wpa_supplicant.conf\n\n" +
			"Exit status: 0 all was carried over, 1 something was left out, 2 nothing can be imported (unreadable, another mode, several bonds) or usage.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "save", Usage: "write the bond's file in " + configDir + " instead of printing it, and keep what was there as NAME.toml.old; nothing is enabled"},
			&cli.BoolFlag{Name: "running", Usage: "read a running bond, NAME, which bondctl didn't make; no file is given"},
			&cli.BoolFlag{Name: "wifi", Usage: "print the Wi-Fi networks that NetworkManager and iwd know, as a wpa_supplicant.conf, keys included, so not on a terminal; no file is given"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "with --wifi: write it to `FILE`, for root alone"},
			&cli.StringFlag{Name: "strategy", Usage: "`WORD` what to make of several interfaces with addresses of their own, and no bond: routes, bond (default: routes)"},
		},
		Action: importConfig,
	}
}

// An importError says why nothing can be imported.
type importError struct{ error }

func (e *importError) Unwrap() error { return e.error }

func (e *importError) Hint() string {
	if errors.Is(e.error, fs.ErrPermission) {
		return "root alone may read it: run it with sudo"
	}
	return ""
}

// otherThan refuses a flag that would do nothing beside how it is said to import.
func otherThan(c *cli.Context, how string, flags ...string) error {
	for _, flag := range flags {
		if c.IsSet(flag) {
			return usage(fmt.Sprintf("--%s does nothing %s; leave it out", flag, how), "bondctl import --help")
		}
	}
	return nil
}

func importConfig(c *cli.Context) error {
	if c.Bool("wifi") {
		if err := otherThan(c, "with --wifi", "save", "running", "strategy"); err != nil {
			return err
		}
		if c.NArg() > 0 {
			return surplus(c.Command, c.Args().First())
		}
		return importWiFi(c, c.String("output"))
	}
	if err := otherThan(c, "without --wifi", "output"); err != nil {
		return err
	}
	r, err := imported(c)
	if err != nil {
		return err
	}
	text := append(remarksOn(c, r), r.TOML...)
	if !c.Bool("save") {
		if _, err := c.App.Writer.Write(text); err != nil {
			return err
		}
	} else if err := saveImported(c, r, text); err != nil {
		return err
	}
	if len(r.Left) > 0 {
		return exitError(exitFailed)
	}
	return nil
}

// imported reads what the arguments name.
func imported(c *cli.Context) (importer.Result, error) {
	strategy := c.String("strategy")
	if strategy != "" && strategy != "routes" && strategy != "bond" {
		return importer.Result{}, usage(fmt.Sprintf("--strategy: %q is none of its values; it takes routes or bond", strategy), "bondctl import --help")
	}
	args := c.Args().Slice()
	if c.Bool("running") {
		if err := otherThan(c, "with --running", "strategy"); err != nil {
			return importer.Result{}, err
		}
		return importRunning(c)
	}
	switch len(args) {
	case 0:
		return importer.Result{}, usage("no file is named; write bondctl import FILE|FOLDER [NAME]", "bondctl import --help")
	case 1:
		args = append(args, "")
	case 2:
		if err := checkName(args[1]); err != nil {
			return importer.Result{}, err
		}
	default:
		return importer.Result{}, surplus(c.Command, args[2])
	}
	r, err := importer.Import(args[0], ifupdown.OnDisk(), importer.Request{Name: args[1], Strategy: strategy})
	if err != nil {
		return r, &importError{err}
	}
	return r, nil
}

func importRunning(c *cli.Context) (r importer.Result, err error) {
	if c.NArg() > 1 {
		return r, usage(fmt.Sprintf("%q is one argument too many; write bondctl import --running [NAME]", c.Args().Get(1)), "bondctl import --help")
	}
	name, err := bondName(c)
	if err != nil {
		return r, err
	}
	h, err := openHost(c)
	if err != nil {
		return r, err
	}
	defer h.Close()
	running := importer.Bond{}
	if running.State, err = h.Observe(bond.Config{Name: name}); err != nil {
		return r, err
	}
	if running.Addresses, running.Leased, err = h.Addresses(name); err != nil {
		return r, err
	}
	if running.Gateways, err = h.Gateways(name); err != nil {
		return r, err
	}
	if r, err = importer.Running(running); err != nil {
		return r, &importError{err}
	}
	return r, nil
}

// remarksOn are the comments above a configuration: what was left out and why, what is to
// be known, and how to switch the old configuration off.
func remarksOn(c *cli.Context, r importer.Result) []byte {
	var b bytes.Buffer
	from := "the running bond " + r.Name
	if !c.Bool("running") {
		from = c.Args().First()
	}
	fmt.Fprintf(&b, "# From %s; it goes to %s.\n", printable(from), configFile(r.Name))
	section := func(title string, texts []string) {
		if len(texts) == 0 {
			return
		}
		fmt.Fprintf(&b, "#\n# %s:\n", title)
		for _, text := range texts {
			for i, line := range strings.Split(text, "\n") {
				fmt.Fprintf(&b, "#   %s%s\n", map[bool]string{true: "  "}[i > 0], printable(line))
			}
		}
	}
	section("Left out", textsOf(r.Left))
	section("To be known", textsOf(r.Notes))
	section("To switch the old configuration off, so that it doesn't come back at the next boot", r.Off)
	b.WriteByte('\n')
	return b.Bytes()
}

func textsOf(remarks []importer.Remark) (texts []string) {
	for _, r := range remarks {
		texts = append(texts, r.String())
	}
	return texts
}

// saveImported writes the bond's file, unless it says the same already, and prints the
// comments.
func saveImported(c *cli.Context, r importer.Result, text []byte) error {
	path := configFile(r.Name)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := c.App.Writer.Write(bytes.TrimSuffix(text[:len(text)-len(r.TOML)], []byte("\n"))); err != nil {
		return err
	}
	if old != nil && says(old, r.Config) {
		fmt.Fprintf(c.App.Writer, "%s says so already\n", path)
		return nil
	}
	if old != nil {
		if err := etc.Write(c.Context, path+".old", old); err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "keep what was in %s as %[1]s.old\n", path)
	}
	if err := etc.Write(c.Context, path, slices.Clip(text)); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "write %s\n", path)
	return nil
}
