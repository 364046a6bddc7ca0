package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A store is the folder of what bondctl must know, till the next boot, of the bonds of
// one network namespace. Each has a folder of its own in it.
type store struct {
	dir string
	// lasting has what is kept beyond this boot. It is dir itself where the network
	// namespace isn't the machine's own, which no boot brings back.
	lasting string
}

// A record is public.json, which anybody may read: what is wanted of a bond, and what
// became of that.
type record struct {
	Config *Config `json:"config,omitempty"`
	Source Source  `json:"source,omitzero"` // of Config
	// Manual is what `switch` chose last; nil when it has chosen nothing.
	Manual *choice `json:"manual,omitempty"`
	// Refused has what the kernel refused, such as members and leased routes, and why.
	Refused map[string]string `json:"refused,omitempty"`
	// Stack is what the bond was stacked with when it was last seen. When somebody
	// deleted it, Rejoin is what the new one is to be a port of again, and Lost are the
	// links that are gone.
	Stack  stack    `json:"stack,omitzero"`
	Rejoin string   `json:"rejoin,omitempty"`
	Lost   []string `json:"lost,omitempty"`
}

// wanted is what was wanted last; nil when nothing was.
func (r *record) wanted() *Wanted {
	if r.Config == nil {
		return nil
	}
	return &Wanted{*r.Config, r.Source}
}

// A Source says where what is wanted of a bond was written.
type Source struct {
	// File is the path of a configuration file; "" for none.
	File string `json:"file,omitempty"`
	// Flags says that flags had a part in it. What they asked for is recorded till the
	// next boot, and written nowhere else.
	Flags bool `json:"flags,omitempty"`
}

// A choice is a slave that was made active by hand.
type choice struct {
	Slave   string `json:"slave"`
	Ifindex int    `json:"ifindex"`
	// Failures is how often its link had failed by then. After one more the kernel has
	// chosen.
	Failures int `json:"link_failure_count"`
}

// of is a bond's folder.
func (s store) of(name string) statedir.Dir { return statedir.Of(s.dir, name) }

// lock takes the bond's apply lock, so that one process at a time changes it.
// It waits for another one to end, or for ctx.
func (s store) lock(ctx context.Context, name string) (unlock func(), err error) {
	return s.of(name).Lock(ctx)
}

// record reads what is recorded of a bond; the zero record when nothing is.
func (s store) record(name string) (record, error) {
	var r record
	err := s.of(name).Read(statedir.Public, &r)
	return r, err
}

// writeRecord replaces what is recorded. The caller has the lock.
func (s store) writeRecord(name string, r record) error {
	return s.of(name).Write(statedir.Public, r)
}

// journal reads a bond's journal; nil when there is none of this boot.
func (s store) journal(name string) (*Image, error) {
	var j Image
	err := s.of(name).Read(statedir.Journal, &j)
	if err != nil || j.BootID == "" || j.BootID != statefile.BootID() {
		return nil, err
	}
	return &j, nil
}

func (s store) writeJournal(name string, j *Image) error {
	j.BootID = statefile.BootID()
	return s.of(name).Write(statedir.Journal, j)
}

// restoreJournal puts back an earlier journal; nil is none.
func (s store) restoreJournal(name string, j *Image) error {
	if j == nil {
		return s.of(name).Remove(statedir.Journal)
	}
	return s.writeJournal(name, j)
}

// knows says whether anything is kept of a bond.
func (s store) knows(name string) bool { return s.of(name).Keeps() }

// names lists the bonds of which something is wanted.
func (s store) names() []string {
	entries, _ := os.ReadDir(s.dir)
	var names []string
	for _, e := range entries {
		if r, err := s.record(e.Name()); err == nil && r.Config != nil {
			names = append(names, e.Name())
		}
	}
	return names
}

// inherited is what a bond had taken over before the last boot, and has for good; nil for
// nothing.
func (s store) inherited(name string) (*Inherited, error) {
	var i *Inherited
	err := statedir.Of(s.lasting, name).Read(statedir.Inherited, &i)
	return i, err
}

// keepInherited writes down the lasting part of what a bond has taken over.
func (s store) keepInherited(name string, i *Inherited) error {
	dir := statedir.Of(s.lasting, name)
	switch {
	case (i == nil || i.Lasting.empty()) && !dir.Has(statedir.Inherited):
		return nil // without a word to the disk
	case i == nil || i.Lasting.empty():
		return dir.Remove(statedir.Inherited)
	}
	return dir.Write(statedir.Inherited, Inherited{inheritance{Lasting: i.Lasting.own()}})
}

// forget removes everything about a bond that is gone, but for some files.
func (s store) forget(name string, but ...statedir.File) error {
	return errors.Join(s.keepInherited(name, nil), s.of(name).Forget(but...))
}

// leastSpace is what must be free for bondctl to note what it changes.
const leastSpace = 64 << 10

// full says why nothing can be noted, and so changed, since a file system is full; ""
// where it isn't.
func (s store) full() string {
	var fs unix.Statfs_t
	if err := unix.Statfs(s.dir, &fs); err != nil {
		return ""
	}
	room := fs.Blocks == 0 || fs.Bavail*uint64(fs.Bsize) >= leastSpace // no blocks, no limit
	if room && (fs.Files == 0 || fs.Ffree > 0) {
		return ""
	}
	return fmt.Sprintf("no space is left in %s, so nothing can be noted and no member joins; free some (df -h %[1]s)", s.dir)
}

// machineID is the machine's id (machine-id(5)); "" where there is none.
func machineID() string {
	text, _ := os.ReadFile("/etc/machine-id")
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}
