package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// release keeps ifup from the links, and ifdown from what they have. Where the handover lasts,
// their stanzas become comments; till the next boot, systemd is told to leave them out. Without
// systemd there is nobody to tell, and nothing is handed over (Hold.Obstacle).
//
// In both cases the unit that udev has systemd start for an interface is masked: as a dock
// vanishes, it would have ifdown give back the address, which is the bond's by now.
func (ifUpDown) release(ctx context.Context, h Handover) error {
	if !hasSystemd() {
		return nil
	}
	var err error
	if h.Lasting {
		err = errors.Join(h.markInterfaces(), h.removeExclusion())
	} else {
		err = errors.Join(h.writeExclusion(), h.unmarkInterfaces())
	}
	if err != nil {
		return err
	}
	s, err := dialSystemd(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	return s.mask(ctx, h.units())
}

// reclaim undoes it. A unit that was started is started again, so that ifdown is run as the
// interface vanishes. Of what ifup has up by its own record it does nothing more: after a reboot
// that is nothing.
func (ifUpDown) reclaim(ctx context.Context, h Handover) error {
	if err := errors.Join(h.unmarkInterfaces(), h.removeExclusion()); err != nil {
		return err
	}
	if !hasSystemd() {
		return nil
	}
	s, err := dialSystemd(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.unmask(ctx, h.units()); err != nil {
		return err
	}
	for _, hold := range h.Holds {
		if !isUnit(hold.Restore) || isActive(hold.Restore) || !isThere(hold.Interface) {
			continue // udev has it started once the interface is there
		}
		if err := s.job(ctx, "StartUnit", hold.Restore); err != nil {
			return fmt.Errorf("start %s: %w", hold.Restore, err)
		}
	}
	return h.ifup(ctx)
}

// ifupTime is how long ifup may take: without an answer dhclient goes on asking for a minute.
const ifupTime = 2 * time.Minute

// ifup brings interfaces up again that were, by ifup itself, and are not.
func (h Handover) ifup(ctx context.Context) error {
	up, err := readIfState()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, ifupTime)
	defer cancel()
	for _, hold := range h.Holds {
		if hold.Restore != ifupProgram || up[hold.Interface] != "" || !isThere(hold.Interface) {
			continue
		}
		cmd := exec.CommandContext(ctx, ifupProgram, hold.Interface)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // its dhclient lives on
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("ifup %s: %w", hold.Interface, err)
		}
	}
	return nil
}

func isThere(name string) bool {
	_, err := os.Stat(filepath.Join(root, "sys/class/net", name))
	return err == nil
}

// hasSystemd says whether systemd is the init (sd_booted(3)).
func hasSystemd() bool {
	_, err := os.Lstat(filepath.Join(root, "run/systemd/system"))
	return err == nil
}

// units are the units of a handover's interfaces.
func (h Handover) units() (units []string) {
	for _, name := range h.interfaces() {
		units = append(units, ifupUnit(name))
	}
	return units
}

// ifupUnit is the unit by which udev has an interface brought up, its name escaped as by
// systemd-escape(1).
func ifupUnit(name string) string {
	var b strings.Builder
	for i, c := range []byte(name) {
		switch {
		case c == '/':
			b.WriteByte('-')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == ':', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return "ifup@" + b.String() + ".service"
}

// isMasked says whether a unit is masked till the next boot.
func isMasked(unit string) bool {
	target, err := os.Readlink(filepath.Join(root, "run/systemd/system", unit))
	return err == nil && target == "/dev/null"
}

// mask has systemd start units no more till the next boot, and forget how they are stopped.
func (s *systemd) mask(ctx context.Context, units []string) error {
	var changes []struct{ Kind, File, Target string }
	err := s.manager.CallWithContext(ctx, systemdManager+".MaskUnitFiles", 0, units, true, true).Store(&changes)
	return s.reread(ctx, "mask", units, err)
}

func (s *systemd) unmask(ctx context.Context, units []string) error {
	var changes []struct{ Kind, File, Target string }
	err := s.manager.CallWithContext(ctx, systemdManager+".UnmaskUnitFiles", 0, units, true).Store(&changes)
	return s.reread(ctx, "unmask", units, err)
}

func (s *systemd) reread(ctx context.Context, what string, units []string, err error) error {
	if err == nil {
		err = s.manager.CallWithContext(ctx, systemdManager+".Reload", 0).Err
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, strings.Join(units, ", "), err)
	}
	return nil
}

// markInterfaces makes the edits of a handover, and keeps each file as it was beside it, by a
// name that no pattern of a source line matches.
func (h Handover) markInterfaces() error {
	edits, err := h.edits()
	if err != nil {
		return err
	}
	return h.eachInterfaces(func(file string, text string) (string, error) {
		pure := unmark(text, h.Bond)
		e, ok := edits[file]
		if !ok {
			return pure, nil
		}
		if pure == text {
			if err := copyFile(filepath.Join(root, file), backupPath(file), text); err != nil {
				return "", err
			}
		}
		return mark(pure, h.Bond, e), nil
	})
}

// unmarkInterfaces undoes the edits. The file that was kept goes, unless somebody else has
// edited the other one since.
func (h Handover) unmarkInterfaces() error {
	return h.eachInterfaces(func(file string, text string) (string, error) {
		pure := unmark(text, h.Bond)
		if kept, err := readFile(backupPath(file)); err == nil && pure != text && string(kept) == pure {
			return pure, statefile.Remove(backupPath(file))
		}
		return pure, nil
	})
}

func backupPath(file string) string {
	return filepath.Join(root, filepath.Dir(file), "."+filepath.Base(file)+".bondctl-old")
}

// eachInterfaces replaces ifupdown's files by what edit makes of them.
func (h Handover) eachInterfaces(edit func(file, text string) (string, error)) error {
	unlock, err := lockShared()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := readInterfaces(h.Bond)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, file := range c.Files {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return err
		}
		edited, err := edit(file, string(text))
		if err == nil && edited != string(text) {
			path := filepath.Join(root, file)
			err = copyFile(path, path, edited)
		}
		if err != nil {
			return fmt.Errorf("edit %s: %w", file, err)
		}
	}
	return nil
}

// copyFile writes a text with the attributes of one file to another, which may be the same:
// then a link to it stays.
func copyFile(like, path, text string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	if like == path {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	a := statefile.Attributes{Mode: info.Mode().Perm()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		a.UID, a.GID = int(stat.Uid), int(stat.Gid)
	}
	return statefile.Write(path, []byte(text), a)
}

// Where networking.service is told which interfaces to leave out: by a variable that ifup and
// ifdown read from its environment, in a file that comes after the administrator's own. The
// file has those of all bonds, each of which has a file of its own in a folder.
const (
	exclusionUnit = "run/systemd/system/networking.service.d/50-bondctl.conf"
	exclusionFile = "run/network/bondctl.exclude"
	exclusionDir  = "run/network/bondctl.exclude.d"
)

func (h Handover) writeExclusion() error {
	path := filepath.Join(root, exclusionDir, h.Bond)
	if err := writeFile(path, strings.Join(h.interfaces(), " ")+"\n"); err != nil {
		return err
	}
	return exclude()
}

func (h Handover) removeExclusion() error {
	path := filepath.Join(root, exclusionDir, h.Bond)
	if !statefile.Exists(path) {
		return nil
	}
	return errors.Join(statefile.Remove(path), exclude())
}

// exclude writes the file for all bonds, or removes it after the last one.
func exclude() error {
	unlock, err := lockShared()
	if err != nil {
		return err
	}
	defer unlock()
	files, err := os.ReadDir(filepath.Join(root, exclusionDir))
	if err != nil {
		return err
	}
	names := strings.Fields(defaultExclusion())
	bonds := 0
	for _, f := range files {
		if text, err := readFile(filepath.Join(root, exclusionDir, f.Name())); err == nil && !strings.HasPrefix(f.Name(), ".") {
			names = append(names, strings.Fields(string(text))...)
			bonds++
		}
	}
	unit, file := filepath.Join(root, exclusionUnit), filepath.Join(root, exclusionFile)
	if bonds == 0 {
		return errors.Join(statefile.Remove(unit), statefile.Remove(file), os.Remove(filepath.Join(root, exclusionDir)))
	}
	slices.Sort(names)
	text := `EXCLUDE_INTERFACES="` + strings.Join(slices.Compact(names), " ") + "\"\n"
	return errors.Join(
		writeFile(file, text),
		writeFile(unit, "# "+writtenBy("its bonds")+"\n[Service]\nEnvironmentFile=-/"+exclusionFile+"\n"),
	)
}

// defaultExclusion is what the administrator has networking.service leave out.
func defaultExclusion() string {
	values, err := readAssignments(filepath.Join(root, "etc/default/networking"))
	if err != nil {
		return ""
	}
	return values["EXCLUDE_INTERFACES"]
}
