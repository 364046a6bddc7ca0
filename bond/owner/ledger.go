package owner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A Ledger has the clients that were stopped for a bond and are to be started again:
// clients.json in the bond's folder. It holds till the next boot.
type Ledger struct{ dir statedir.Dir }

// LedgerOf is the ledger of a bond below the folder of its network namespace.
func LedgerOf(namespace, bond string) Ledger { return Ledger{statedir.Of(namespace, bond)} }

// ledgerFile is what clients.json has: of another boot it means nothing.
type ledgerFile struct {
	BootID  string   `json:"boot_id"`
	Clients []Client `json:"clients"`
}

// Clients are those that are written down. One for which only Add was called, and not Stop,
// may still run.
func (l Ledger) Clients() ([]Client, error) {
	var f ledgerFile
	err := l.dir.Read(statedir.Clients, &f)
	if err != nil || f.BootID != statefile.BootID() {
		return nil, err
	}
	return f.Clients, nil
}

func (l Ledger) write(clients []Client) error {
	if len(clients) == 0 {
		return l.dir.Remove(statedir.Clients)
	}
	return l.dir.Write(statedir.Clients, ledgerFile{statefile.BootID(), clients})
}

// Add writes clients down that are about to be stopped. A client that does the same as an
// earlier one takes its place. The caller has the bond's apply lock.
func (l Ledger) Add(clients []Client) error {
	known, err := l.Clients()
	if len(clients) == 0 || err != nil {
		return err
	}
	known = slices.DeleteFunc(known, func(k Client) bool { return slices.ContainsFunc(clients, k.serves) })
	return l.write(append(known, clients...))
}

// AbsentError says that a client can't be started again yet, as its interface isn't there.
// It stays in the ledger.
type AbsentError struct {
	Client    Client
	Interface string
}

func (e *AbsentError) Error() string {
	return fmt.Sprintf("%s isn't started again, as there is no %s; bondctl down does it once that is back", e.Client.Program, e.Interface)
}

// GiveBack starts the clients again that are written down, and strikes them off. It leaves
// those of the interfaces inUse, which are slaves still. One that still runs, or that
// somebody else has started since, is only struck off: so each is started once, though
// GiveBack may be killed and called again. It takes the bond's apply lock.
//
// It goes on where one can't be started. The error has all that went wrong, an
// [*AbsentError] among them; such clients stay in the ledger.
func (l Ledger) GiveBack(ctx context.Context, inUse []string) (started []Client, err error) {
	if known, err := l.Clients(); len(known) == 0 || err != nil {
		return nil, err
	}
	unlock, err := l.dir.Lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	known, err := l.Clients()
	if err != nil {
		return nil, err
	}
	left := slices.Clone(known)
	var failed []error
	for _, c := range known {
		if slices.ContainsFunc(c.Interfaces(), func(name string) bool { return slices.Contains(inUse, name) }) {
			continue
		}
		again, err := c.startOnce()
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if again {
			started = append(started, c)
		}
		left = slices.DeleteFunc(left, func(o Client) bool { return o.Process == c.Process })
		if err := l.write(left); err != nil {
			failed = append(failed, err)
		}
	}
	return started, errors.Join(failed...)
}

// startOnce starts a client, unless it or one like it runs.
func (c Client) startOnce() (started bool, err error) {
	if c.Alive() {
		return false, nil
	}
	running, err := Find(c.Interfaces())
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(running, c.serves) {
		return false, nil
	}
	for _, link := range c.Links {
		if _, err := net.InterfaceByName(link.Interface); err != nil {
			return false, &AbsentError{c, link.Interface}
		}
	}
	return true, c.Start()
}
