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
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/probe"
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
	_, explained := errors.AsType[*explainedError](e.Err)
	switch {
	case explained:
		return ""
	// EACCES, which the kernel says of a step for reasons of its own, such as IPv6
	// being switched off, is another thing.
	case errors.Is(e.Err, unix.EPERM):
		return "changes want CAP_NET_ADMIN: run it with sudo"
	case creates && errors.Is(e.Err, unix.EOPNOTSUPP):
		return "this kernel has no bonding driver, or may not load it: modprobe bonding max_bonds=0"
	}
	return ""
}

// apply carries out the steps until one fails, ctx ends, or OnStep returns an
// error. It returns those that were done.
func (k *kernel) apply(ctx context.Context, steps []Step, how How) (done []Step, err error) {
	for i, step := range steps {
		if err := how.mayGoOn(ctx, step); err != nil {
			return steps[:i], err
		}
		if err := k.try(step); err != nil {
			return steps[:i], err
		}
	}
	return steps, nil
}

// mayGoOn asks before a step whether it is to be made.
func (how How) mayGoOn(ctx context.Context, step Step) error {
	err := ctx.Err()
	if err == nil && how.OnStep != nil {
		err = how.OnStep(step)
	}
	if err != nil {
		return &StepError{Step: step, Err: err}
	}
	return nil
}

// try carries out one step. The error is a [*StepError].
func (k *kernel) try(step Step) error {
	if err := k.do(step); err != nil {
		return &StepError{Step: step, Err: explain(step, err, k.Links)}
	}
	return nil
}

// restore carries out the steps of a way back, whatever becomes of the others: what
// is there already, or can't be had since its link is gone, is as good as done. It
// returns those that were done, and those that were refused.
func (k *kernel) restore(steps []Step, how How) (done []Step, refused []*StepError) {
	for _, step := range steps {
		if how.OnUndo != nil {
			how.OnUndo(step)
		}
		switch err := k.do(step); {
		case err == nil:
			done = append(done, step)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EEXIST):
		case isActive(step) && errors.Is(err, unix.EINVAL):
			// One whose updelay runs takes over by itself.
		default:
			refused = append(refused, &StepError{Step: step, Err: explain(step, err, k.Links)})
		}
	}
	return done, refused
}

// joined is all of them in one error; nil for none.
func joined(refused []*StepError) error {
	var all error
	for _, r := range refused {
		all = errors.Join(all, r)
	}
	return all
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
		return k.setLink(s.Name, s.To, 0)
	case giveBack:
		return k.setLink(s.Name, s.To, unix.ERFKILL) // what rfkill blocks stays down
	case enslave:
		return k.enslave(s)
	case release:
		return k.onLink(s.Member, func(l rtnl.Link) error { return k.SetLink(l.Index, rtnl.LinkChange{Master: new(0)}) })
	case setMaster:
		return k.onLink(s.Master, func(master rtnl.Link) error {
			return k.onLink(s.Bond, func(l rtnl.Link) error { return k.SetLink(l.Index, rtnl.LinkChange{Master: &master.Index}) })
		})
	case deleteLink:
		return k.onLink(s.Name, func(l rtnl.Link) error {
			if l.Index != s.Index {
				return fs.ErrNotExist // another link by the same name
			}
			return k.DelLink(s.Index)
		})
	case newUpper:
		return k.newUpper(s.upper)
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
		return k.onLink(s.Link, func(l rtnl.Link) error { return k.addAddress(s, l.Index) })
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
	case solicitRouters:
		if err := probe.Solicit(s.Link); !errors.Is(err, unix.ENETDOWN) {
			return err
		}
		return nil
	case addRule:
		return k.AddRule(s.Rule)
	case delRule:
		return unless(k.DelRule(s.Rule), unix.ENOENT)
	case haveTemporary:
		return k.haveTemporary(s)
	case addNeighbour:
		return k.onLink(s.Link, func(l rtnl.Link) error { return k.AddNeighbour(s.Neighbour.On(l.Index)) })
	case knowNeighbours:
		return k.onLink(s.Link, func(l rtnl.Link) (refused error) {
			for _, n := range s.Neighbours {
				refused = errors.Join(refused, k.AddNeighbour(n.On(l.Index)))
			}
			return refused
		})
	case addEndpoint, setEndpoint, delEndpoint, setMPTCPLimits:
		return k.doMPTCP(step)
	case setSysctl:
		return os.WriteFile(sysctlPath(s.To, s.Link), []byte(s.To.Value), 0)
	}
	panic(fmt.Sprintf("bond: unknown step %T", step))
}

// addAddress adds an address to a link. One that this machine held a moment ago is no
// duplicate: it is there at once, and gets its own flags afterwards.
func (k *kernel) addAddress(s addAddress, link int) error {
	a := s.Address.On(link)
	if !s.Held || a.Prefix.Addr().Is4() {
		return k.AddAddr(a)
	}
	if err := k.AddAddr(a.AtOnce()); err != nil || a.AtOnce() == a {
		return err
	}
	return k.SetAddr(a.WithoutTemporary())
}

// readyTime is how long a link that has just been set up has to get its carrier.
const readyTime = time.Second

// haveTemporary waits until a link is ready for temporary addresses. One that isn't in
// time has them later: a keeper sees when it is.
func (k *kernel) haveTemporary(s haveTemporary) error {
	for end := time.Now().Add(readyTime); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		link, err := k.Link(s.Link)
		if err != nil {
			return err
		}
		if link.Ready6 {
			return k.SetAddr(s.Address.On(link.Index))
		}
	}
	return nil
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

// setLink says only what differs, for some drivers refuse the address they have. It
// says one thing at a time: what is refused doesn't keep the link from being set up.
// That it can't be for one reason is as good.
func (k *kernel) setLink(name string, to linkSettings, unlessUp unix.Errno) error {
	return k.onLink(name, func(l rtnl.Link) (refused error) {
		if to.Index != 0 && to.Index != l.Index {
			return fs.ErrNotExist // another device by the same name
		}
		if !bytes.Equal(l.HardwareAddr(), to.MAC) && to.MAC != nil {
			refused = errors.Join(refused, k.SetLink(l.Index, rtnl.LinkChange{MAC: net.HardwareAddr(to.MAC)}))
		}
		if l.MTU != to.MTU {
			refused = errors.Join(refused, k.SetLink(l.Index, rtnl.LinkChange{MTU: to.MTU}))
		}
		if l.Up != to.Up {
			refused = errors.Join(refused, unless(k.SetLink(l.Index, rtnl.LinkChange{Up: &to.Up}), unlessUp))
		}
		return refused
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
