package bond

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// kernel changes the kernel's state, and nothing else in bondctl does.
type kernel struct {
	*conn
	handle *netlink.Handle // for what is put back as it was found
}

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

// apply carries out the steps. Should one fail, ctx end, or before return an
// error, what was done is taken back in reverse order; what then still differs
// from was is set as it was.
func (k *kernel) apply(ctx context.Context, steps []Step, was State, before func(Step) error) error {
	for i, step := range steps {
		err := ctx.Err()
		if err == nil && before != nil {
			err = before(step)
		}
		if err != nil {
			return &StepError{step, err, k.undo(steps[:i], nil, was)}
		}
		if err := k.do(step); err != nil {
			return &StepError{step, err, k.undo(steps[:i], step, was)}
		}
	}
	return nil
}

// applyAll carries out every step, whatever becomes of the others.
func (k *kernel) applyAll(steps []Step) error {
	var failed []error
	for _, step := range steps {
		if err := k.do(step); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, &StepError{Step: step, Err: err})
		}
	}
	return errors.Join(failed...)
}

// undo takes back the steps that were done and, where there is one, the one
// that the kernel refused. It reports what could not be put back.
func (k *kernel) undo(done []Step, refused Step, was State) error {
	var failed []error
	if inParts(refused) {
		// What wasn't done of it can't be taken back; that is no failure.
		_ = k.applyAll(refused.inverse())
	}
	for _, step := range slices.Backward(done) {
		failed = append(failed, k.applyAll(step.inverse()))
	}
	if was.Bond != nil && was.Bond.ActiveSlave != "" {
		// A slave that was let go comes back as a backup, and many an option
		// has the kernel select anew. It refuses a slave whose updelay runs;
		// that one takes over by itself.
		_ = k.do(SetActive{Bond: was.Name, To: was.Bond.ActiveSlave})
	}
	failed = append(failed, k.putBack(was, nil))
	for _, link := range touched(append(done[:len(done):len(done)], refused), was) {
		if err := k.setLink(link.Name, link.settings()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// inParts says whether the kernel may have carried out a part of a step that it
// refused. The other steps make or take away one thing, wholly or not at all;
// if somebody else's is in the way (EEXIST), to take them back would remove that.
func inParts(refused Step) bool {
	switch refused.(type) {
	case SetOptions, SetLink, Enslave:
		return true
	}
	return false
}

// touched are the links of a state whose settings the steps may have changed:
// the bond, and whoever was to be enslaved and hadn't been. What is in the
// bond again has the bond's settings.
func touched(steps []Step, was State) []Link {
	var links []Link
	for _, link := range was.Links {
		_, slave := was.slave(link.Name)
		joins := slices.ContainsFunc(steps, func(step Step) bool {
			e, ok := step.(Enslave)
			return ok && e.Member == link.Name
		})
		if link.Name == was.Name || joins && !slave {
			links = append(links, link)
		}
	}
	return links
}

// do carries out one step.
func (k *kernel) do(step Step) error {
	switch s := step.(type) {
	case CreateBond:
		return k.create(s)
	case DeleteBond:
		return k.onLink(s.Name, func(l rawLink) error {
			return k.send(unix.RTM_DELLINK, 0, linkMessage(l.index))
		})
	case SetOptions:
		for _, message := range s.messages() {
			if err := k.setOptions(s.Bond, message); err != nil {
				return err
			}
		}
		return nil
	case SetLink:
		return k.setLink(s.Name, s.To)
	case GiveBack:
		// What rfkill blocks can't be set up; the rest has been given back.
		return gone(k.setLink(s.Name, s.To), unix.ERFKILL)
	case Enslave:
		return k.setMaster(s.Member, s.Bond)
	case Release:
		return k.onLink(s.Member, func(l rawLink) error {
			return k.send(unix.RTM_NEWLINK, 0, linkMessage(l.index), nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(0)))
		})
	case SetPrio:
		return k.setPrio(s)
	case SetActive:
		return k.setOptions(s.Bond, []Change{{"active_slave", s.From, s.To}})
	}
	return k.doLayer3(step)
}

// doLayer3 carries out a step on the bond's addresses and routes.
func (k *kernel) doLayer3(step Step) error {
	switch s := step.(type) {
	case AddAddress:
		return k.onLink(s.Bond, func(l rawLink) error {
			return k.send(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, addressMessage(l.index, s.Address)...)
		})
	case SetLifetime:
		return k.onLink(s.Bond, func(l rawLink) error {
			return k.send(unix.RTM_NEWADDR, unix.NLM_F_REPLACE, append(addressMessage(l.index, s.Address), lifetime(s.Valid))...)
		})
	case DelAddress:
		return k.onLink(s.Bond, func(l rawLink) error {
			return gone(k.send(unix.RTM_DELADDR, 0, addressMessage(l.index, s.Address)...), unix.EADDRNOTAVAIL)
		})
	case AddRoute:
		return k.onLink(s.Bond, func(l rawLink) error {
			flags := unix.NLM_F_CREATE | unix.NLM_F_EXCL
			if s.Route.Destination.Addr().Is6() {
				flags = unix.NLM_F_CREATE // beside the one that a router advertises
			}
			return k.send(unix.RTM_NEWROUTE, flags, routeMessage(l.index, s.Route)...)
		})
	case DelRoute:
		return k.onLink(s.Bond, func(l rawLink) error {
			return gone(k.send(unix.RTM_DELROUTE, 0, routeMessage(l.index, s.Route)...), unix.ESRCH)
		})
	}
	panic(fmt.Sprintf("bond: unknown step %T", step))
}

// gone takes an error for none which says that there is nothing left to do.
func gone(err error, errno unix.Errno) error {
	if errors.Is(err, errno) {
		return nil
	}
	return err
}

func (k *kernel) create(s CreateBond) error {
	changes := append([]Change{{"mode", "", activeBackup}}, s.Options...)
	info, err := bondInfo(changes, k.ifindex)
	if err != nil {
		return err
	}
	m := linkMessage(0)
	setFlag(m, true)
	data := []nl.NetlinkRequestData{m,
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(s.Name)),
		nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(s.MTU))),
		info,
	}
	if s.MAC != nil {
		data = append(data, nl.NewRtAttr(unix.IFLA_ADDRESS, s.MAC))
	}
	return k.send(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, data...)
}

func (k *kernel) setOptions(bond string, changes []Change) error {
	info, err := bondInfo(changes, k.ifindex)
	if err != nil {
		return err
	}
	return k.onLink(bond, func(l rawLink) error {
		// By index alone: with the name beside it the kernel takes the
		// message for a renaming, too, and says EBUSY of a bond that is up.
		return k.send(unix.RTM_NEWLINK, 0, linkMessage(l.index), info)
	})
}

// setLink says only what differs: some drivers refuse the address they have.
func (k *kernel) setLink(name string, to LinkSettings) error {
	return k.onLink(name, func(l rawLink) error {
		if to.Index != 0 && to.Index != l.index {
			return fs.ErrNotExist // another device by the same name
		}
		m := linkMessage(l.index)
		data := []nl.NetlinkRequestData{m}
		if to.MTU != 0 && l.mtu != to.MTU {
			data = append(data, nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(to.MTU))))
		}
		if to.MAC != nil && !bytes.Equal(l.mac, to.MAC) {
			data = append(data, nl.NewRtAttr(unix.IFLA_ADDRESS, to.MAC))
		}
		if l.up != to.Up {
			setFlag(m, to.Up)
		}
		if len(data) == 1 && l.up == to.Up {
			return nil
		}
		return k.send(unix.RTM_NEWLINK, 0, data...)
	})
}

func (k *kernel) setMaster(member, bond string) error {
	master, err := k.ifindex(bond)
	if err != nil {
		return err
	}
	return k.onLink(member, func(l rawLink) error {
		m := linkMessage(l.index)
		setFlag(m, false)
		return k.send(unix.RTM_NEWLINK, 0, m, nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(master))))
	})
}

func (k *kernel) setPrio(s SetPrio) error {
	prio, err := strconv.ParseInt(s.To, 10, 32)
	if err != nil {
		return err
	}
	return k.onLink(s.Member, func(l rawLink) error {
		return k.send(unix.RTM_NEWLINK, 0, linkMessage(l.index), slaveInfo(int32(prio)))
	})
}

// send carries out one request that changes something.
func (k *kernel) send(kind, flags int, data ...nl.NetlinkRequestData) error {
	_, err := k.request(kind, flags|unix.NLM_F_ACK, data...).Execute(unix.NETLINK_ROUTE, 0)
	return err
}
