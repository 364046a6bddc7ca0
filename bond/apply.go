package bond

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
)

// kernel changes the kernel's state, and nothing else in bondctl does.
type kernel struct{ *rtnl.Conn }

// A StepError is a step that the kernel refused. What had been done before it
// was taken back.
type StepError struct {
	Step Step
	Err  error // with errno and the kernel's explanation
	// Undo is what could not be taken back; nil when everything was.
	Undo error
}

func (e *StepError) Error() string {
	if e.Undo != nil {
		return fmt.Sprintf("%s: %v; not everything could be put back: %v", e.Step, e.Err, e.Undo)
	}
	return fmt.Sprintf("%s: %v", e.Step, e.Err)
}

func (e *StepError) Unwrap() error { return e.Err }

// Hint is what the user can do about it; "" where nothing is known.
func (e *StepError) Hint() string {
	_, creates := e.Step.(createBond)
	_, routes := e.Step.(addRoute)
	switch {
	case e.refusesMAC():
		return "its driver may take no MAC address but its own, which it keeps with --fail-over-mac active"
	// EACCES, which the kernel says of a step for reasons of its own, such as IPv6
	// being switched off, is another thing.
	case errors.Is(e.Err, unix.EPERM):
		return "changes want CAP_NET_ADMIN: run it with sudo"
	case creates && errors.Is(e.Err, unix.EOPNOTSUPP):
		return "this kernel has no bonding driver, or may not load it: modprobe bonding max_bonds=0"
	case routes && errors.Is(e.Err, unix.EEXIST):
		return "another default route is in the way: ip route show default"
	}
	return ""
}

// refusesMAC says whether a member may have been refused for the bond's MAC address,
// which it is to carry with fail_over_mac none. The kernel explains so where the driver
// can't set one at all; a driver that doesn't want this one says no more than an errno.
func (e *StepError) refusesMAC() bool {
	if _, enslaves := e.Step.(enslave); !enslaves {
		return false
	}
	errno, _ := errors.AsType[unix.Errno](e.Err)
	if explained := e.Err.Error() != errno.Error(); explained {
		return strings.Contains(e.Err.Error(), "MAC address")
	}
	// EPERM and EACCES are those of virtual functions. Who lacks the privilege hasn't
	// come as far as this: the journal is written first.
	return slices.Contains([]unix.Errno{unix.EOPNOTSUPP, unix.EPERM, unix.EACCES, unix.EADDRNOTAVAIL}, errno)
}

// apply carries out the steps until one fails, ctx ends, or before returns an
// error. It returns those that were done.
func (k *kernel) apply(ctx context.Context, steps []Step, before func(Step) error) (done []Step, err error) {
	for i, step := range steps {
		err := ctx.Err()
		if err == nil && before != nil {
			err = before(step)
		}
		if err == nil {
			err = k.do(step)
		}
		if err != nil {
			return steps[:i], &StepError{Step: step, Err: err}
		}
	}
	return steps, nil
}

// restore carries out the steps of a way back, whatever becomes of the others: what
// is there already, or can't be had since its link is gone, is as good as done. It
// returns those that were done, and what could not be.
func (k *kernel) restore(steps []Step, before func(Step)) (done []Step, failed error) {
	for _, step := range steps {
		if before != nil {
			before(step)
		}
		switch err := k.do(step); {
		case err == nil:
			done = append(done, step)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EEXIST):
		case isActive(step) && errors.Is(err, unix.EINVAL):
			// One whose updelay runs takes over by itself.
		default:
			failed = errors.Join(failed, &StepError{Step: step, Err: err})
		}
	}
	return done, failed
}

func isActive(step Step) bool { _, ok := step.(setActive); return ok }

// do carries out one step.
func (k *kernel) do(step Step) error {
	switch s := step.(type) {
	case createBond:
		return k.create(s)
	case deleteBond:
		return k.onLink(s.Name, func(l rtnl.Link) error { return k.DelLink(l.Index) })
	case setOptions:
		for _, message := range s.messages() {
			if err := k.setOptions(s.Bond, message); err != nil {
				return err
			}
		}
		return nil
	case setLink:
		return k.setLink(s.Name, s.To)
	case giveBack:
		// What rfkill blocks can't be set up; the rest has been given back.
		return unless(k.setLink(s.Name, s.To), unix.ERFKILL)
	case enslave:
		return k.enslave(s)
	case release:
		return k.onLink(s.Member, func(l rtnl.Link) error { return k.SetLink(l.Index, rtnl.LinkChange{Master: new(0)}) })
	case setPrio:
		return k.setPrio(s)
	case setActive:
		return k.setOptions(s.Bond, []change{{"active_slave", s.From, s.To}})
	}
	return k.doNetwork(step)
}

// doNetwork carries out a step on what a link carries.
func (k *kernel) doNetwork(step Step) error {
	switch s := step.(type) {
	case addAddress:
		return k.onLink(s.Link, func(l rtnl.Link) error { return k.AddAddr(s.Address.On(l.Index)) })
	case setAddress:
		return k.onLink(s.Link, func(l rtnl.Link) error { return k.SetAddr(s.Address.On(l.Index)) })
	case delAddress:
		return k.onLink(s.Link, func(l rtnl.Link) error {
			return unless(k.DelAddr(s.Address.On(l.Index)), unix.EADDRNOTAVAIL)
		})
	case addRoute:
		return k.onLink(s.Link, func(l rtnl.Link) error { return k.AddRoute(s.Route.By(l.Index)) })
	case delRoute:
		return k.onLink(s.Link, func(l rtnl.Link) error { return unless(k.DelRoute(s.Route.By(l.Index)), unix.ESRCH) })
	case addRule:
		return k.AddRule(s.Rule)
	case setSysctl:
		return os.WriteFile(sysctlPath(s.To, s.Link), []byte(s.To.Value), 0)
	}
	panic(fmt.Sprintf("bond: unknown step %T", step))
}

// unless takes an error for none which says that there is nothing left to do.
func unless(err error, errno unix.Errno) error {
	if errors.Is(err, errno) {
		return nil
	}
	return err
}

func sysctlPath(s sysctl, link string) string {
	return filepath.Join("/proc/sys/net", s.Family, "conf", link, s.Key)
}

// onLink looks a link up by its name and calls f with it. The error is
// fs.ErrNotExist when there is none; one that is only called so besides (an
// alternative name) is another one.
func (k *kernel) onLink(name string, f func(rtnl.Link) error) error {
	l, err := k.Link(name)
	if err == nil && l.Name != name {
		err = fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	return f(l)
}

func (k *kernel) ifindex(name string) (index int, err error) {
	err = k.onLink(name, func(l rtnl.Link) error { index = l.Index; return nil })
	return index, err
}

func (k *kernel) create(s createBond) error {
	info, err := bondInfo(append([]change{{"mode", "", s.Mode}}, s.Options...), k.ifindex)
	if err != nil {
		return err
	}
	return k.NewLink(rtnl.LinkChange{Name: s.Name, Up: new(!s.Down), MAC: net.HardwareAddr(s.MAC), MTU: s.MTU, Info: info})
}

func (k *kernel) setOptions(bond string, changes []change) error {
	info, err := bondInfo(changes, k.ifindex)
	if err != nil {
		return err
	}
	return k.onLink(bond, func(l rtnl.Link) error { return k.SetLink(l.Index, rtnl.LinkChange{Info: info}) })
}

// setLink says only what differs: some drivers refuse the address they have.
func (k *kernel) setLink(name string, to linkSettings) error {
	return k.onLink(name, func(l rtnl.Link) error {
		if to.Index != 0 && to.Index != l.Index {
			return fs.ErrNotExist // another device by the same name
		}
		var c rtnl.LinkChange
		if l.MTU != to.MTU {
			c.MTU = to.MTU
		}
		if !bytes.Equal(l.HardwareAddr(), to.MAC) {
			c.MAC = net.HardwareAddr(to.MAC)
		}
		if l.Up != to.Up {
			c.Up = &to.Up
		}
		if c.MTU == 0 && c.MAC == nil && c.Up == nil {
			return nil
		}
		return k.SetLink(l.Index, c)
	})
}

func (k *kernel) enslave(s enslave) error {
	bond, err := k.ifindex(s.Bond)
	if err != nil {
		return err
	}
	return k.onLink(s.Member, func(l rtnl.Link) error {
		return k.SetLink(l.Index, rtnl.LinkChange{Up: new(false), Master: &bond})
	})
}

func (k *kernel) setPrio(s setPrio) error {
	prio, err := strconv.ParseInt(s.To, 10, 32)
	if err != nil {
		return err
	}
	return k.onLink(s.Member, func(l rtnl.Link) error {
		return k.SetLink(l.Index, rtnl.LinkChange{Info: slaveInfo(int32(prio))})
	})
}
