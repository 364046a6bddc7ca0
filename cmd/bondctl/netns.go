package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

// namespaceDir has the named network namespaces (ip-netns(8)).
const namespaceDir = "/run/netns"

// sysfsKey has, in the metadata of the program, where the sysfs of the namespace
// is mounted that --netns named.
const sysfsKey = "sysfs"

// openHost opens the network namespace that the program works in.
func openHost(c *cli.Context) (*bond.Host, error) {
	if root, entered := c.App.Metadata[sysfsKey].(string); entered {
		return bond.OpenAt(root)
	}
	return bond.Open()
}

// enterNamespace has the program work in the namespace that --netns names. Only
// openHost and startKeeper know of it then.
func enterNamespace(c *cli.Context, line commandLine) error {
	if !c.IsSet("netns") {
		return nil
	}
	name := c.String("netns")
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return usage(fmt.Sprintf("--netns: %q is not a namespace's name; ip netns list shows those there are", name), "bondctl --help")
	}
	f, err := os.Open(filepath.Join(namespaceDir, name))
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	defer f.Close()
	// wpa_supplicant and hooks, which a keeper starts, look at /sys themselves.
	if line.verb != nil && line.verb.Name == "daemon" {
		err = startAnew(f, line)
	} else if err = moveThreads(f); errors.Is(err, unix.ENOTSUP) {
		err = startAnew(f, line)
	}
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	root, err := mountSysfs()
	if err != nil {
		return fmt.Errorf("mount sysfs of network namespace %s: %w", name, err)
	}
	c.App.Metadata[sysfsKey] = root
	return nil
}

// moveThreads has all threads enter a namespace, as it belongs to a thread. Those
// that are made later are in the namespace of the one that makes them. The error
// is ENOTSUP in a program with C in it, of whose threads Go doesn't know.
func moveThreads(namespace *os.File) error {
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_SETNS, namespace.Fd(), unix.CLONE_NEWNET, 0); errno != 0 {
		return errno
	}
	return nil
}

// mountSysfs mounts the sysfs of the calling thread's namespace for this process
// alone, and returns where. It is there until the process ends.
func mountSysfs() (root string, err error) {
	fs, err := unix.Fsopen("sysfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "", err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return "", err
	}
	dir, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/self/fd/%d", dir), nil
}

// startAnew starts the program anew inside a namespace, with that namespace's
// sysfs at /sys, so that neither it nor what it starts must know of it. It
// returns only if that fails.
func startAnew(namespace *os.File, line commandLine) error {
	// exec takes the calling thread's namespaces along.
	runtime.LockOSThread()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	// sysfs shows the namespace of whoever mounted it.
	if err := unix.Mount("bondctl", "/sys", "sysfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("mount its sysfs: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return unix.Exec(self, append(os.Args[:1:1], line.withoutNetns().args()...), os.Environ())
}

// withoutNetns drops the flag from a command line that has been read already.
func (l commandLine) withoutNetns() commandLine {
	l.global = slices.DeleteFunc(slices.Clone(l.global), func(flag string) bool { return strings.HasPrefix(flag, "--netns=") })
	return l
}
