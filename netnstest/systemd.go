package netnstest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Systemd is a host whose init is systemd. Programs that run in it are among its services: they see
// its /run, its processes and its system bus.
//
// Its processes have numbers of their own; a number that a program in it tells means something to
// programs in it alone.
type Systemd struct {
	*Host
	outer *Host    // the host without systemd
	units []string // that it boots with beside systemdUnits
	init  *Process
	boots int
}

// systemdUnits are those that it boots with, of the installed ones: what any service counts on.
// The rest of what is installed stays away.
var systemdUnits = []string{
	"sysinit.target", "basic.target", "sockets.target", "multi-user.target", "shutdown.target",
	"network-pre.target", "network.target", "local-fs.target", "timers.target", "paths.target", "slices.target",
	"dbus.socket", "dbus.service",
	"systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald.service",
}

// systemdPrograms are for the packages systemd and dbus.
var systemdPrograms = []string{"/lib/systemd/systemd", "/usr/bin/systemctl", "/usr/bin/dbus-daemon"}

// Systemd boots systemd in a container that shares the host's network and its [Private] folders;
// among them are /etc/systemd/system, where units are installed, /var/lib and /var/log. It ends with
// the test.
//
// It starts the units as well, which are named as in /lib/systemd/system or by a path; templates
// are only there to be started. With systemd-udevd.service, links get initialised as they appear, those too that are there.
func (h *Host) Systemd(units ...string) *Systemd {
	h.t.Helper()
	if !InGuest() {
		Skip(h.t, "needs the lab's virtual machine (%s=%s)", envMode, os.Getenv(envMode))
	}
	for _, program := range systemdPrograms {
		Warm(program)
		if _, err := os.Stat(program); err != nil {
			h.t.Fatalf("boot systemd: %v; netnstest/setup installs it", err)
		}
	}
	s := &Systemd{outer: h, units: units, Host: &Host{
		Namespace: &Namespace{t: h.t, name: h.name + " under systemd", net: -1, mnt: -1, pid: -1, sys: -1, root: -1, nl: h.nl},
	}}
	var err error
	h.Do(func() { err = mountEmpty("/etc/systemd/system", "/var/lib", "/var/log") })
	if err != nil {
		h.t.Fatalf("boot systemd: %v", err)
	}
	h.t.Cleanup(func() { s.close() })
	s.boot()
	return s
}

// Reboot ends all processes as a power failure does, and boots again. /run is empty then, there is no
// bond, and the NICs are down and have no address; what is in [Private] folders is still there.
func (s *Systemd) Reboot() {
	s.t.Helper()
	s.close()
	if err := s.coldNetwork(); err != nil {
		s.t.Fatalf("reboot: %v", err)
	}
	s.boot()
}

// mountEmpty mounts folders that aren't private yet.
func mountEmpty(dirs ...string) error {
	for _, dir := range dirs {
		var st unix.Statfs_t
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Statfs(dir, &st); err != nil {
			return err
		}
		if st.Type == unix.TMPFS_MAGIC {
			continue
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	return nil
}

// systemdScript is process 1 of the container until systemd is. A cgroup namespace shows the group
// that its maker is in as the root, so that comes last.
const systemdScript = `
mount -t proc proc /proc
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 tmp /dev/shm
mount --bind /dev/null /dev/console
[ -e /sys/fs/cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/$1
echo 0 >/sys/fs/cgroup/$1/cgroup.procs
umount /sys/fs/cgroup
units=/run/netnstest
mkdir -p $units/sysinit.target.wants $units/sockets.target.wants $units/multi-user.target.wants $units/systemd-udevd.service.d
cp $2 $units
shift 2
for unit; do
	case $unit in
	/*) cp $unit $units ;;
	*) cp /lib/systemd/system/$unit $units ;;
	esac
	case $unit in
	*@.*) ;; # a template, for others to start
	*) ln -s ../${unit##*/} $units/multi-user.target.wants ;;
	esac
done
printf '[Service]\nExecStartPost=%s\n' >$units/systemd-udevd.service.d/netnstest.conf \
	'/bin/udevadm trigger --action=add --subsystem-match=net --subsystem-match=rfkill'
ln -s ../systemd-journald.service $units/sysinit.target.wants
ln -s ../dbus.socket $units/sockets.target.wants
exec unshare --cgroup sh -ec '
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	exec env -i container=netnstest PATH="$PATH" \
		SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/systemd/system:/run/systemd/transient:'$units' \
		/lib/systemd/systemd --unit=multi-user.target'
`

// bootMu has systemd boot alone: several at once would only be in each other's way.
var bootMu sync.Mutex

// boot starts systemd and waits until it has reached its target.
func (s *Systemd) boot() {
	s.t.Helper()
	bootMu.Lock()
	defer bootMu.Unlock()
	s.boots++
	group := fmt.Sprintf("netnstest-%d-%d", s.outer.net, s.boots)
	var needed []string
	for _, unit := range systemdUnits {
		needed = append(needed, "/lib/systemd/system/"+unit)
	}
	cmd := s.outer.Command("sh", append([]string{"-ec", systemdScript, "init", group, strings.Join(needed, " ")}, s.units...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	s.init = &Process{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.init, s.init
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("boot systemd: %v", err)
	}
	go func() {
		s.init.err = cmd.Wait()
		close(s.init.done)
	}()
	if err := s.open(cmd.Process.Pid); err != nil {
		s.t.Fatalf("boot systemd: %v", err)
	}
	if err := patiently(3*Patience, s.booted); err != nil {
		s.t.Fatalf("boot systemd: %v", err)
	}
}

// open opens the container's namespaces.
func (s *Systemd) open(pid int) (err error) {
	for kind, fd := range map[string]*int{"net": &s.net, "mnt": &s.mnt, "pid": &s.pid} {
		if *fd, err = unix.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return fmt.Errorf("open the %s namespace: %w", kind, err)
		}
	}
	if s.root, err = unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open the container's root: %w", err)
	}
	s.sys, err = unix.FcntlInt(uintptr(s.outer.sys), unix.F_DUPFD_CLOEXEC, 0)
	return err
}

// booted is a condition for Eventually: systemd is up, be it that a service failed. Once systemd answers,
// systemctl itself waits for the end of the boot, which is cheaper than to start it again and again.
func (s *Systemd) booted() error {
	select {
	case <-s.init.Done():
		return fmt.Errorf("systemd ended: %w: %s", s.init.err, s.init.Output())
	default:
	}
	// With --wait it is asked once, or a few times while there is nobody to ask.
	out, err := s.Command("timeout", "10", "systemctl", "is-system-running", "--wait").Output()
	switch state := strings.TrimSpace(string(out)); state {
	case "running", "degraded":
		return nil
	default:
		return fmt.Errorf("systemd is %s (%w): %s", state, err, s.init.Output())
	}
}

// close kills process 1 and thereby all.
func (s *Systemd) close() {
	if s.init != nil {
		s.init.Stop()
	}
	for _, fd := range []*int{&s.net, &s.mnt, &s.pid, &s.sys, &s.root} {
		if *fd >= 0 {
			unix.Close(*fd)
		}
		*fd = -1
	}
}

// coldNetwork leaves the host's links as a boot finds them.
func (s *Systemd) coldNetwork() error {
	links, err := s.nl.LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		name := link.Attrs().Name
		switch {
		case link.Type() == "bond":
			err = s.nl.LinkDel(link)
		case name != "lo" && name != tapLink:
			if err = s.nl.LinkSetDown(link); err == nil {
				err = s.flush(link)
			}
		}
		if err != nil {
			return fmt.Errorf("reset %s: %w", name, err)
		}
	}
	return nil
}

func (s *Systemd) flush(link netlink.Link) error {
	addresses, err := s.nl.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if err := s.nl.AddrDel(link, &a); err != nil {
			return err
		}
	}
	return nil
}
