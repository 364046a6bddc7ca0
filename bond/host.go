package bond

import (
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/sysfs"
)

// A Host is the network namespace in which bonds are looked at and made.
//
// It belongs to the network namespace of the thread that called [Open], and so
// must every thread that uses it: sysfs and systemd's records know no other.
type Host struct {
	// OnStep, where it is set, is called before each change. An error stops
	// there: what was done is taken back, and the error is reported.
	OnStep func(Step) error

	// Cautious is for a keeper, whom nobody watches: a member that carries an
	// address, a route or another interface, or that the kernel refuses, is
	// pending and tried again later. Without it the rest is refused, too, and
	// what was done is taken back.
	Cautious bool

	// Source says where what Reconcile is given was written. It is recorded
	// beside it.
	Source Source

	kernel           kernel
	handle           *netlink.Handle
	sysfs            sysfs.FS
	store            store
	lasting          string // the folder of what is kept beyond this boot
	initialNamespace bool

	// What a cautious host remembers from one Reconcile to the next.
	refused map[string]denial
	unkept  string // the words of a plan that the kernel took and didn't keep
}

// DefaultStateDir is where bondctl keeps what it must remember till the next
// boot, and DefaultLastingDir what it remembers beyond: of the machine's own
// network namespace, for no other one can be told again then.
const (
	DefaultStateDir   = "/run/bondctl"
	DefaultLastingDir = "/var/lib/bondctl"
)

// Open opens the calling thread's network namespace. It needs no privilege;
// changes want CAP_NET_ADMIN.
func Open() (*Host, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		c.close()
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	// The handle can't do without a time limit, so it gets one that never comes.
	err = handle.SetSocketTimeout(100 * 365 * 24 * time.Hour)
	if err != nil {
		c.close()
		handle.Close()
		return nil, fmt.Errorf("set up netlink: %w", err)
	}
	// The cookie names a namespace till the next boot; its inode number is
	// soon used again.
	cookie, err := unix.GetsockoptUint64(c.socket.Socket.GetFd(), unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		c.close()
		handle.Close()
		return nil, fmt.Errorf("identify the network namespace: %w", err)
	}
	h := &Host{
		kernel: kernel{c, handle}, handle: handle, sysfs: sysfs.New("/sys"),
		store:            store{fmt.Sprintf("%s/%d", DefaultStateDir, cookie)},
		lasting:          DefaultLastingDir,
		initialNamespace: sameNamespace("/proc/1/ns/net", "/proc/thread-self/ns/net"),
	}
	if !h.initialNamespace {
		h.lasting = h.store.dir
	}
	return h, nil
}

// InitialNamespace says whether the namespace is that of the init process, to
// which hardware and services belong.
func (h *Host) InitialNamespace() bool { return h.initialNamespace }

// StateDir is the folder in which bondctl keeps, till the next boot, what it must
// know of this namespace's bonds, each in a folder of its own: below
// [DefaultStateDir], by the namespace.
func (h *Host) StateDir() string { return h.store.dir }

// LastingDir is the like of what is kept beyond this boot: [DefaultLastingDir] or,
// for a namespace that ends with it, StateDir.
func (h *Host) LastingDir() string { return h.lasting }

// Close closes what Open opened.
func (h *Host) Close() {
	h.kernel.close()
	h.handle.Close()
}

// sameNamespace compares two of proc's namespace links. Whoever may not look
// at process 1's is taken to be in the same.
func sameNamespace(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA != nil || errB != nil || os.SameFile(infoA, infoB)
}
