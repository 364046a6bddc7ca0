package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/etc"
)

// The names of a unit: bondctl@bond0.service.
const (
	template = "bondctl@"
	service  = ".service"
)

// unitFile is where the administrator's units are (systemd.unit(5)).
const unitFile = "/etc/systemd/system/" + template + service

//go:embed bondctl@.service
var unitText string

// usualPath is the program's in unitText.
const usualPath = "/usr/local/bin/bondctl"

func installServiceCommand() *cli.Command {
	return &cli.Command{
		Name:  "install-service",
		Usage: "install the systemd unit that starts keepers",
		Description: "It writes " + unitFile + ", which starts this very program, and has systemd read it. " +
			"A template that somebody has changed is left alone without --force; systemctl edit bondctl@ changes it in a way that stays. " +
			"up --save does all this, too, and enables the service; without a template up makes do with a service that is forgotten at the next boot.\n\n" +
			"  bondctl install-service\n" +
			"  systemctl enable --now bondctl@bond0\n\n" +
			"Exit status: 0 done or nothing to change, 1 failed or refused, 2 usage.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "print", Usage: "print the template, and do nothing"},
			&cli.BoolFlag{Name: "force", Usage: "replace a template that somebody has changed"},
		},
		Action: installService,
	}
}

func installService(c *cli.Context) error {
	if c.NArg() > 0 {
		return surplus(c.Command, c.Args().First())
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if c.Bool("print") {
		fmt.Fprint(c.App.Writer, unitFor(self))
		return nil
	}
	manager, err := dialSystemd(c.Context)
	if err != nil {
		return fmt.Errorf("install the service: %w", hinted(err, "bondctl install-service --print shows the unit; up leaves a keeper running without it, too"))
	}
	defer manager.close()
	changed, err := installUnit(c.Context, manager, self, c.Bool("force"))
	if err != nil {
		return err
	}
	sayInstalled(c, changed)
	return nil
}

func sayInstalled(c *cli.Context, changed bool) {
	if changed {
		fmt.Fprintf(c.App.Writer, "write %s\n", unitFile)
	} else {
		fmt.Fprintf(c.App.Writer, "%s: nothing to change\n", unitFile)
	}
}

// installUnit writes the unit template, unless it is as it should be, and has systemd
// read it.
func installUnit(ctx context.Context, manager *systemd, self string, force bool) (changed bool, err error) {
	text := unitFor(self)
	old, err := os.ReadFile(unitFile)
	switch {
	case err == nil && string(old) == text:
		return false, nil
	case err == nil && !isOwnUnit(old) && !force:
		return false, hinted(fmt.Errorf("write %s: somebody has changed it", unitFile),
			"bondctl install-service --force replaces it; systemctl edit bondctl@ keeps changes apart from it")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	if err := checkProgram(self); err != nil {
		return false, err
	}
	if err := etc.Write(ctx, unitFile, []byte(text)); err != nil {
		return false, err
	}
	return true, manager.reload(ctx)
}

// unitMark begins the first line of a template. A checksum of the lines below ends it,
// by which a template is known that nobody has changed.
const unitMark = "# Written by bondctl install-service. Checksum "

// unitFor is the template for a program.
func unitFor(self string) string {
	text := strings.ReplaceAll(unitText, usualPath, self)
	return unitMark + unitSum(text) + "\n" + text
}

func unitSum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16] }

// isOwnUnit says whether a template is as some bondctl wrote it.
func isOwnUnit(text []byte) bool {
	mark, rest, _ := bytes.Cut(text, []byte("\n"))
	sum, found := strings.CutPrefix(string(mark), unitMark)
	return found && sum == unitSum(string(rest))
}

// checkProgram refuses a program that shouldn't be started as root at boot:
// what isn't there by then, and what somebody other than root can replace.
func checkProgram(path string) error {
	problem := programProblem(path)
	if problem == "" {
		return nil
	}
	return hinted(fmt.Errorf("have %s started at boot: %s", path, problem),
		"install -m 755 "+path+" "+usualPath+" and run that")
}

func programProblem(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("%$\\\"';", r) }) {
		return "systemd would misread the path"
	}
	for _, dir := range []string{"/tmp", "/var/tmp", "/run", "/dev", "/proc"} {
		if strings.HasPrefix(path, dir+"/") {
			return "what is in " + dir + " is gone by then"
		}
	}
	for ; ; path = filepath.Dir(path) {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err.Error()
		}
		if st.Uid != 0 || st.Mode&0o022 != 0 && st.Mode&unix.S_IFMT != unix.S_IFLNK {
			return "others than root can write to " + path
		}
		if path == "/" {
			return ""
		}
	}
}

// A hintError is an error with a hint.
type hintError struct {
	error
	hint string
}

func hinted(err error, hint string) error { return &hintError{err, hint} }

func (e *hintError) Unwrap() error { return e.error }
func (e *hintError) Hint() string  { return e.hint }
