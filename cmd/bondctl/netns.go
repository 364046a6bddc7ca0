package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// namespaceDir has the named network namespaces (ip-netns(8)).
const namespaceDir = "/run/netns"

// enterNamespace starts the program anew inside the namespace that --netns
// names, with that namespace's sysfs, so that no other code knows of it. It
// returns only if that fails or no namespace is named.
func enterNamespace(c *cli.Context, line commandLine) error {
	if !c.IsSet("netns") {
		return nil
	}
	name := c.String("netns")
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return usage(fmt.Sprintf("--netns: %q is not a namespace's name; ip netns list shows those there are", name), "bondctl --help")
	}
	// A namespace belongs to a thread; exec takes the calling one's along.
	runtime.LockOSThread()
	if err := join(filepath.Join(namespaceDir, name)); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	if err := mountSysfs(); err != nil {
		return fmt.Errorf("mount sysfs of network namespace %s: %w", name, err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return unix.Exec(self, append(os.Args[:1:1], line.withoutNetns().args()...), os.Environ())
}

func join(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// mountSysfs puts the namespace's sysfs at /sys, for this process alone: sysfs
// shows the namespace of whoever mounted it.
func mountSysfs() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	return unix.Mount("bondctl", "/sys", "sysfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NODEV, "")
}

// withoutNetns drops the flag from a command line that has been read already.
func (l commandLine) withoutNetns() commandLine {
	l.global = slices.DeleteFunc(slices.Clone(l.global), func(flag string) bool { return strings.HasPrefix(flag, "--netns=") })
	return l
}
