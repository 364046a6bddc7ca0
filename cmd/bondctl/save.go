package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bondctl/bondctl/bond"
	"github.com/bondctl/bondctl/bond/etc"
	"github.com/bondctl/bondctl/bond/manager"
)

// A saving is what up --save does once the bond is as wanted: it writes the file, and
// enables the service that reads it at boot. What can be checked is checked before the
// bond is made.
type saving struct {
	host   *bond.Host
	config bond.Config
	path   string
	old    []byte // the file's; nil where there is none
	holds  bool   // the file says the same already

	manager  *systemd // nil where no service is to be had
	reason   error    // why
	installs bool     // the unit template is to be written first
	self     string   // the program that the service starts
}

func newSaving(c *cli.Context, h *bond.Host, config bond.Config) (*saving, error) {
	s := &saving{host: h, config: config, path: configFile(config.Name)}
	var err error
	if s.old, err = os.ReadFile(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if s.manager, s.reason = openSystemd(c.Context, h, config.Name); s.reason != nil {
		return s, nil
	}
	if s.installs = !s.manager.hasTemplate(c.Context); s.installs {
		if err := checkProgram(s.self); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// says tells whether a file's text already means a configuration. Then it stays as it
// is, with its comments.
func says(text []byte, config bond.Config) bool {
	settings, err := bond.ParseTOML("", text)
	if err != nil {
		return false
	}
	said, err := bond.NewConfig(config.Name, settings)
	return err == nil && reflect.DeepEqual(said, config)
}

func (s *saving) close() {
	if s != nil && s.manager != nil {
		s.manager.close()
	}
}

// name has the file say what the bond has taken over as well.
func (s *saving) name(c *cli.Context, plan bond.Plan) {
	var notes []bond.Message
	s.config, notes = plan.Named(s.config)
	for _, note := range notes {
		warn(c, "save %s: %s", s.config.Name, note)
	}
	s.holds = s.old != nil && says(s.old, s.config)
}

// foretell prints what save would do after a plan.
func (s *saving) foretell(c *cli.Context, plan bond.Plan) {
	if s == nil {
		return
	}
	s.name(c, plan)
	if !s.holds {
		fmt.Fprintf(c.App.Writer, "write %s:\n", s.path)
		for line := range strings.Lines(string(bond.FormatTOML(s.config))) {
			fmt.Fprint(c.App.Writer, "  ", line)
		}
	}
	if s.manager == nil {
		s.warn(c)
		return
	}
	if s.installs {
		fmt.Fprintf(c.App.Writer, "write %s\n", unitFile)
	}
	fmt.Fprintf(c.App.Writer, "have %s start at boot\n", s.manager.unit)
}

// warn says that there is no service. Then a network manager that has let go of members takes
// them again at boot, for nobody else would look after them.
func (s *saving) warn(c *cli.Context) {
	warn(c, "nothing starts %s at boot: %v", s.config.Name, s.reason)
}

// save writes the file and enables the service, once a plan is carried out. If it fails,
// the file is as it was.
func (s *saving) save(c *cli.Context, plan bond.Plan) error {
	if s == nil {
		return nil
	}
	s.name(c, plan)
	if err := s.write(c); err != nil {
		return fmt.Errorf("save %s, which is as wanted: %w", s.config.Name, err)
	}
	if err := s.atBoot(c); err != nil {
		return errors.Join(fmt.Errorf("save %s, which is as wanted: %w", s.config.Name, err), s.undo(context.WithoutCancel(c.Context)))
	}
	// From now on the file has all that is wanted, and a keeper that starts may read
	// it.
	_, err := s.host.Reconcile(c.Context, bond.Wanted{Config: s.config, Source: bond.Source{File: s.path}}, how(c))
	return err
}

func (s *saving) write(c *cli.Context) error {
	if s.holds {
		return nil
	}
	if s.old != nil {
		if err := etc.Write(c.Context, s.path+".old", s.old); err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "keep what was in %s as %[1]s.old\n", s.path)
	}
	if err := etc.Write(c.Context, s.path, s.text()); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "write %s\n", s.path)
	return nil
}

// atBoot has the service start at boot and then, as there is one, what network managers have
// handed over outlive a reboot. Cut short in between, the other order would leave a machine whose
// links nobody looks after. If it fails, neither is so.
func (s *saving) atBoot(c *cli.Context) error {
	enabled, err := s.enable(c)
	if err == nil && s.manager != nil && s.host.InitialNamespace() {
		err = manager.LedgerOf(s.config.Name).Last(c.Context)
	}
	if err != nil && enabled {
		err = errors.Join(err, s.manager.disable(context.WithoutCancel(c.Context)))
	}
	return err
}

func (s *saving) text() []byte {
	return append([]byte("# Written by bondctl up --save.\n"), bond.FormatTOML(s.config)...)
}

// undo puts back what write wrote.
func (s *saving) undo(ctx context.Context) error {
	now, err := os.ReadFile(s.path)
	switch {
	case s.holds || err != nil || !bytes.Equal(now, s.text()):
		return nil
	case s.old == nil:
		return os.Remove(s.path)
	}
	return etc.Write(ctx, s.path, s.old)
}

// enable has the service start at boot, and installs its template if there is none. It says
// whether it does so only now.
func (s *saving) enable(c *cli.Context) (changed bool, err error) {
	if s.manager == nil {
		s.warn(c)
		return false, nil
	}
	if s.installs {
		if _, err := installUnit(c.Context, s.manager, s.self, false); err != nil {
			return false, err
		}
		sayInstalled(c, true)
	}
	if changed, err = s.manager.enable(c.Context); changed {
		fmt.Fprintf(c.App.Writer, "enable %s\n", s.manager.unit)
	}
	return changed, err
}
