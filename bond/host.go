package bond

import (
	"fmt"
	"os"

	"github.com/bondctl/bondctl/bond/internal/rtnl"
	"github.com/bondctl/bondctl/bond/internal/statedir"
	"github.com/bondctl/bondctl/sysfs"
)

// A Host is the network namespace in which bonds are looked at and made.
//
// It belongs to the network namespace of the thread that called [Open], and so
// must every thread that uses it: sysfs and systemd's records know no other.
type Host struct {
	kernel           kernel
	sysfs            sysfs.FS
	store            store
	initialNamespace bool
}

// Open opens the calling thread's network namespace. It needs no privilege;
// changes want CAP_NET_ADMIN.
func Open() (*Host, error) { return OpenAt("/sys") }

// OpenAt is [Open] with the namespace's sysfs mounted at sys. The one at /sys is
// that of whoever mounted it, and a thread that enters another namespace must
// mount its own.
func OpenAt(sys string) (*Host, error) {
	c, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	cookie, err := c.Cookie()
	if err != nil {
		c.Close()
		return nil, err
	}
	h := &Host{
		kernel: kernel{c}, sysfs: sysfs.New(sys),
		initialNamespace: sameNamespace("/proc/1/ns/net", "/proc/thread-self/ns/net"),
	}
	h.store.dir = fmt.Sprintf("%s/%d", statedir.Root, cookie)
	h.store.lasting = h.store.dir
	if h.initialNamespace {
		h.store.lasting = statedir.Lasting
	}
	return h, nil
}

// InitialNamespace says whether the namespace is that of the init process, to
// which hardware and services belong.
func (h *Host) InitialNamespace() bool { return h.initialNamespace }

// StateDir is the folder in which bondctl keeps, till the next boot, what it must
// know of this namespace's bonds, each in a folder of its own. What is in there is
// for bondctl's own programs.
func (h *Host) StateDir() string { return h.store.dir }

// Close closes what Open opened.
func (h *Host) Close() { h.kernel.Close() }

// sameNamespace compares two of proc's namespace links. Whoever may not look
// at process 1's is taken to be in the same.
func sameNamespace(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA != nil || errB != nil || os.SameFile(infoA, infoB)
}
