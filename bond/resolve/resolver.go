package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Holder is who has the settings of a bond.
type Holder string

// The holders, in the order in which they are tried.
const (
	Nobody     Holder = ""
	Resolved   Holder = "systemd-resolved"
	Resolvconf Holder = "resolvconf"
	File       Holder = "resolv.conf"
)

// ErrEdited says that resolv.conf isn't as bondctl wrote it, so that it was left
// as it is.
var ErrEdited = errors.New("changed by somebody else, left alone")

// Resolver finds out who answers for names here. The zero value is for the
// machine that it runs on.
type Resolver struct {
	// Dir keeps, across reboots, resolv.conf's original and who has what.
	// Empty: /var/lib/bondctl.
	Dir string
	// File is resolv.conf. Empty: /etc/resolv.conf.
	File string
	// Path are the folders in which resolvconf may be, with colons between
	// them. Empty: the usual ones.
	Path string
	// Bus is the D-Bus address at which resolved may be. Empty: the system bus.
	Bus string
}

func (r *Resolver) dir() string  { return cmp.Or(r.Dir, "/var/lib/bondctl") }
func (r *Resolver) file() string { return cmp.Or(r.File, "/etc/resolv.conf") }

// Outcome is what came of a Set.
type Outcome struct {
	// Holder has the settings now, Nobody if they had to be left alone.
	Holder Holder
	// Notes are what the user should know: who else has resolv.conf, what was
	// left out. They can be printed as they are.
	Notes []string
}

// holder is a way to hand over settings.
type holder interface {
	// give hands over a bond's settings, unless they are there already. What
	// is about to change is in the record before. It returns Nobody if they
	// had to be left alone.
	give(ctx context.Context, rec *record, bond string, s Settings) (Outcome, error)
	// takeBack takes them back, if they are there.
	takeBack(ctx context.Context, rec *record, bond string) error
}

// Set gives a bond's settings to who is there to have them, and takes those away
// that somebody else had of it. What already is so is left alone. Settings
// without a server, or without a valid one, are none: see [Resolver.Clear].
func (r *Resolver) Set(ctx context.Context, bond string, s Settings) (Outcome, error) {
	if err := checkName(bond); err != nil {
		return Outcome{}, err
	}
	s, notes := s.checked(bond)
	if len(s.Servers) == 0 {
		return Outcome{Notes: notes}, r.Clear(ctx, bond)
	}
	rec, err := r.open(ctx)
	if err != nil {
		return Outcome{Notes: notes}, err
	}
	defer rec.close()
	o, err := r.give(ctx, rec, bond, s)
	o.Notes = append(notes, o.Notes...)
	if err != nil {
		return o, fmt.Errorf("set the DNS servers of %s: %w", bond, err)
	}
	return o, nil
}

func (r *Resolver) give(ctx context.Context, rec *record, bond string, s Settings) (Outcome, error) {
	daemon, err := r.connect(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer daemon.close()
	name := r.first(daemon)
	o, err := r.holder(name, daemon).give(ctx, rec, bond, s)
	if err != nil {
		return Outcome{Notes: o.Notes}, fmt.Errorf("%s: %w", name, err)
	}
	err = r.takeBack(ctx, rec, bond, daemon, func(h Holder) bool { return h != name })
	if errors.Is(err, ErrEdited) {
		o.Notes = append(o.Notes, err.Error())
		err = nil
	}
	return o, err
}

// Clear takes a bond's settings back from everybody who has them. That nobody
// has any is no error. The error is [ErrEdited] if resolv.conf was left as
// somebody else made it; there is nothing more to take back then.
func (r *Resolver) Clear(ctx context.Context, bond string) error {
	if used, err := r.used(); err != nil || !used {
		return err
	}
	rec, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer rec.close()
	if len(rec.Holders[bond]) == 0 {
		return nil
	}
	daemon, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer daemon.close()
	if err := r.takeBack(ctx, rec, bond, daemon, func(Holder) bool { return true }); err != nil {
		return fmt.Errorf("take back the DNS servers of %s: %w", bond, err)
	}
	return nil
}

// Recover takes back what bonds were given in an earlier boot, and not in this
// one. The network may be another, and there may be no keeper any more that would
// take anything back. Those that have one are given theirs again by [Resolver.Set].
//
// It costs next to nothing where there is nothing to take back. A resolv.conf that
// isn't as bondctl wrote it is how this boot has made it: it stays, and that is no
// error.
func (r *Resolver) Recover(ctx context.Context) error {
	if used, err := r.used(); err != nil || !used {
		return err
	}
	rec, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer rec.close()
	// What resolved was told died with that boot. If it knows something of such a
	// link now, that is somebody else's.
	var gone *resolved
	var errs []error
	for _, bond := range rec.stale() {
		if err := r.takeBack(ctx, rec, bond, gone, func(Holder) bool { return true }); err != nil {
			errs = append(errs, fmt.Errorf("take back the DNS servers that %s had before the boot: %w", bond, err))
		}
	}
	return errors.Join(errs...)
}

// takeBack takes a bond's settings back from those of its holders.
func (r *Resolver) takeBack(ctx context.Context, rec *record, bond string, daemon *resolved, from func(Holder) bool) error {
	var errs []error
	for _, name := range slices.Clone(rec.Holders[bond]) {
		if !from(name) {
			continue
		}
		err := r.holder(name, daemon).takeBack(ctx, rec, bond)
		if err == nil || errors.Is(err, ErrEdited) {
			err = errors.Join(err, rec.unmark(bond, name))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// first is who is to have settings here.
func (r *Resolver) first(daemon *resolved) Holder {
	switch {
	case daemon != nil:
		return Resolved
	case r.resolvconf() != "":
		return Resolvconf
	default:
		return File
	}
}

func (r *Resolver) holder(name Holder, daemon *resolved) holder {
	switch name {
	case Resolved:
		return daemon
	case Resolvconf:
		return resolvconf{r.resolvconf()}
	default:
		return resolvConf{r}
	}
}
