package bond

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// KeptBefore says whether the bond had a keeper before what is on trial.
func (h *Host) KeptBefore(name string) (bool, error) {
	var b beforeTrial
	err := h.store.of(name).Read(statedir.Before, &b)
	return b.Keeper, err
}

// GoesBack says whether a link had an address before the bond did, and so gets it back when
// the bond is taken down, or what is on trial is put back. If it is leased, the DHCP client
// of that link goes on with the lease.
func (h *Host) GoesBack(name string, addr netip.Addr) bool {
	var b beforeTrial
	journal, _ := h.store.journal(name)
	images := []*Image{journal}
	if err := h.store.of(name).Read(statedir.Before, &b); err == nil && b.BootID == statefile.BootID() {
		images = append(images, &b.Image)
	}
	return slices.ContainsFunc(images, func(i *Image) bool {
		return i != nil && slices.ContainsFunc(i.Addresses, func(a rtnl.Addr) bool { return a.Prefix.Addr() == addr })
	})
}

// PutBack puts back what is on trial, after [Host.DecideTrial] said so and the bond's
// keeper was stopped. It returns the steps that it took. It goes on where one fails; the
// error has all that failed. A PutBack that was interrupted goes on where it stopped
// when it is called again.
func (h *Host) PutBack(ctx context.Context, name string, how How) ([]Step, error) {
	unlock, err := h.store.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var b beforeTrial
	err = h.store.of(name).Read(statedir.Before, &b)
	if err != nil {
		return nil, err
	}
	if b.BootID != statefile.BootID() {
		return nil, h.concludeTrial(name) // an earlier PutBack got as far as that
	}
	journal, err := h.store.journal(name)
	if err != nil {
		return nil, err
	}
	image := b.image(journal)
	s, err := h.Observe(Config{Name: name})
	if err != nil {
		return nil, err
	}
	s.sysctls = s.readSysctls(image.Sysctls)
	done, refused := h.kernel.restore(NewRestore(*image, s).Steps, how)
	return done, errors.Join(joined(refused), h.forgetTrial(name, b))
}

// forgetTrial puts bondctl's own files of a bond back as they were before its trial.
func (h *Host) forgetTrial(name string, b beforeTrial) error {
	if err := h.store.keepInherited(name, b.Inherited); err != nil {
		return err
	}
	if b.Record.Config != nil || b.Journal != nil {
		h.renumberJournal(name, &b)
		err := errors.Join(h.store.restoreJournal(name, b.Journal), h.store.writeRecord(name, b.Record))
		return errors.Join(err, h.concludeTrial(name))
	}
	if _, err := h.sysfs.Bond(name); err == nil && b.Image.Bond.Made {
		return fmt.Errorf("%s couldn't be taken away", name) // down tries again, by the journal
	}
	return errors.Join(h.store.of(name).Forget(statedir.Trial, statedir.Before), h.concludeTrial(name))
}

// renumberJournal writes the bond's new ifindex into the journal, where the bond was made
// anew.
func (h *Host) renumberJournal(name string, b *beforeTrial) {
	if b.Image.Bond.State == nil || b.Journal == nil || b.Journal.Bond == nil {
		return
	}
	was := slices.ContainsFunc(b.Image.Links, func(l linkImage) bool { return l.Name == name && l.Index == b.Journal.Bond.Index })
	if index, err := h.kernel.ifindex(name); was && err == nil {
		b.Journal.Bond.Index = index
	}
}

// concludeTrial notes that a trial has been put back.
func (h *Host) concludeTrial(name string) error {
	err := h.changeTrial(name, func(t *Trial) error {
		if t.Verdict == nil {
			return fmt.Errorf("%s: %w", name, ErrNoTrial)
		}
		t.Verdict.Done = true
		return nil
	})
	return errors.Join(err, h.store.of(name).Remove(statedir.Before))
}
