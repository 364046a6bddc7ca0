package netnstest

import (
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Namespace is a network namespace with a mount namespace in which /sys shows it, and /run is
// its own.
type Namespace struct {
	t    TB
	name string
	net  int // descriptors of the namespaces, which hold them alive
	mnt  int
	pid  int // of a container's processes; -1 for none of their own
	sys  int // its /sys
	root int // its root folder
	nl   *netlink.Handle
}

// newNamespace makes a namespace that ends with the test. The network is a new one or, with
// flags 0, the calling process's.
func newNamespace(t TB, name string, flags int, private ...string) *Namespace {
	t.Helper()
	n := &Namespace{t: t, name: name, net: -1, mnt: -1, pid: -1, sys: -1, root: -1}
	err := onThread(func() error { return n.enterNew(flags, private) })
	t.Cleanup(n.close)
	if err != nil {
		t.Fatalf("make namespace %s: %v", name, err)
	}
	return n
}

// enterNew takes the calling thread into new namespaces and opens all that is needed to come back.
func (n *Namespace) enterNew(flags int, private []string) error {
	if err := unix.Unshare(flags | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if flags&unix.CLONE_NEWNET != 0 {
		if err := mountSysfs(); err != nil {
			return err
		}
	}
	if err := mountOwn(private...); err != nil {
		return err
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	var err error
	if n.net, err = openNamespace("net"); err != nil {
		return err
	}
	if n.mnt, err = openNamespace("mnt"); err != nil {
		return err
	}
	if n.sys, err = unix.Open("/sys", unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open /sys: %w", err)
	}
	if n.root, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open /: %w", err)
	}
	n.nl, err = netlink.NewHandleAt(netns.NsHandle(n.net), unix.NETLINK_ROUTE)
	return err
}

// mountSysfs mounts a sysfs that shows the calling thread's network namespace: it always shows that
// of whoever mounted it.
func mountSysfs() error {
	if err := unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	return nil
}

// mountOwn mounts empty folders that belong to one machine alone: /run, where daemons and programs
// under test keep their state, and those that are named.
func mountOwn(private ...string) error {
	for _, dir := range append([]string{"/run"}, private...) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	return nil
}

func openNamespace(kind string) (int, error) {
	fd, err := unix.Open("/proc/thread-self/ns/"+kind, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the %s namespace: %w", kind, err)
	}
	return fd, nil
}

func (n *Namespace) close() {
	if n.nl != nil {
		n.nl.Close()
	}
	for _, fd := range []int{n.root, n.sys, n.mnt, n.net} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// Do runs f on a thread in the namespace and waits for it. In f, /sys, /run and every socket and
// process are the namespace's; a goroutine that f starts is not in it. f may fail the test, and
// may call Do of another namespace.
func (n *Namespace) Do(f func()) {
	n.t.Helper()
	if err := onThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		f()
		return nil
	}); err != nil {
		n.t.Fatalf("enter namespace %s: %v", n.name, err)
	}
}

// enter takes the calling thread into the namespace.
func (n *Namespace) enter() error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	// A thread that shares its root and working directory with others can't change its mounts.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Setns(n.mnt, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("setns: %w", err)
	}
	if err := unix.Setns(n.net, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns: %w", err)
	}
	// It is for processes that this thread starts; itself it stays outside.
	if n.pid >= 0 {
		if err := unix.Setns(n.pid, unix.CLONE_NEWPID); err != nil {
			return fmt.Errorf("setns: %w", err)
		}
	}
	// Entering a mount namespace leads to its root.
	return unix.Chdir(dir)
}

// onThread runs f on a thread that ends with it: nothing else ever runs on a thread that was
// in another namespace. If f ends its goroutine, as a failing test does, so does the caller.
func onThread(f func() error) error {
	var err error
	returned := false
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlock: the runtime ends the thread with the goroutine
		defer close(done)
		err = f()
		returned = true
	}()
	<-done
	if !returned {
		runtime.Goexit()
	}
	return err
}

// Sys is the root of a sysfs that shows the namespace to any goroutine of this process: read
// Sys()+"/class/net".
func (n *Namespace) Sys() string { return fmt.Sprintf("/proc/self/fd/%d", n.sys) }

// Root is the root folder of the namespace's files to any goroutine of this process: read
// Root()+"/run". A link in it that begins with / leads to this process's own files.
func (n *Namespace) Root() string { return fmt.Sprintf("/proc/self/fd/%d", n.root) }

// Netlink is a handle for the namespace's links, addresses and routes, for any goroutine.
func (n *Namespace) Netlink() *netlink.Handle { return n.nl }

// loopbackUp sets lo up in the calling thread's namespace, where nobody else does it.
func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}
