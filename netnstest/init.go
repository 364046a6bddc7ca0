package netnstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// RunInit makes this process the guest's init if it was started as that, and returns at once
// otherwise. A program that uses [Lab] itself, and not [Main], calls it first thing in main: in the guest,
// the very same program is the second stage of the boot.
func RunInit() {
	if os.Getenv(envMode) != modeInit || os.Getpid() != 1 {
		return
	}
	// A pid 1 that ends is a kernel panic, and a panic ends the guest: the host prints the
	// console's tail, where the error stands.
	fmt.Fprintln(os.Stderr, "netnstest: init:", runInit(os.Getenv(envDir)))
	unix.Sync()
	os.Exit(1)
}

func runInit(dir string) error {
	if err := mountAll(); err != nil {
		return err
	}
	if err := mountLab(dir); err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, orderFile))
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(data, &o); err != nil {
		return err
	}
	if err := prepareModules(o.Modules); err != nil {
		return err
	}
	if err := nameMachine(); err != nil {
		return err
	}
	if err := endWhereKernelHangs(); err != nil {
		return err
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	s, err := openStreams()
	if err != nil {
		return err
	}
	slowness = measureSlowness()
	o.Env = append(o.Env, slowEnv())
	status, err := s.run(o)
	if err != nil {
		return err
	}
	if err := s.report(status); err != nil {
		return err
	}
	// The host has all it wants and stops the machine.
	for {
		_ = unix.Pause()
	}
}

// endWhereKernelHangs has the guest end, with what its threads wait for on the console, once one of them has
// waited in the kernel for two minutes: nothing in it would ever go on.
func endWhereKernelHangs() error {
	for _, s := range []struct{ name, value string }{
		{"printk", "7"}, {"hung_task_warnings", "-1"}, {"hung_task_panic", "1"},
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys/kernel", s.name), []byte(s.value), 0); err != nil {
			return fmt.Errorf("set kernel.%s: %w", s.name, err)
		}
	}
	return nil
}

// nameMachine gives the machine a name and an id, the same each time. A build machine may have no
// id, and udev derives MACs from it.
func nameMachine() error {
	if err := unix.Sethostname([]byte("lab")); err != nil {
		return err
	}
	return os.WriteFile("/etc/machine-id", []byte("0123456789abcdef0123456789abcdef\n"), 0o444)
}

// mountLab mounts the lab's folder, writable, where the host has it. The programs in it are left to the
// root file system, which caches: through this one each of their pages would be asked of the host
// anew, each time that they are run.
func mountLab(dir string) error {
	programs := filepath.Join(dir, programFolder)
	cached, err := unix.Open(programs, unix.O_PATH|unix.O_CLOEXEC, 0)
	none := err == unix.ENOENT
	if err != nil && !none {
		return fmt.Errorf("open %s: %w", programs, err)
	}
	defer unix.Close(cached)
	if err := unix.Mount("lab", dir, "9p", 0, "trans=virtio,version=9p2000.L,msize=524288"); err != nil {
		return fmt.Errorf("mount %s: %w", dir, err)
	}
	if none {
		return nil
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", cached), programs, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", programs, err)
	}
	return nil
}

// mountAll mounts what a system has.
func mountAll() error {
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}{
		{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"sysfs", "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"dev", "/dev", "devtmpfs", unix.MS_NOSUID, "mode=755"},
		{"pts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=620,ptmxmode=666"},
		{"shm", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, ""},
		{"run", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
		{"cgroup", "/sys/fs/cgroup", "cgroup2", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	} {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	// Go's os package and shells want these, and devtmpfs doesn't make them.
	for name, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2",
	} {
		if err := os.Symlink(target, name); err != nil {
			return err
		}
	}
	return nil
}

// prepareModules makes modprobe, and the kernel's own calls of it, find the modules.
func prepareModules(modules string) error {
	const usual = "/lib/modules"
	if modules != usual {
		if err := os.MkdirAll(usual, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(modules, usual, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s to %s: %w", modules, usual, err)
		}
	}
	if err := os.MkdirAll("/etc/modprobe.d", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile("/etc/modprobe.d/bondctl-lab.conf", []byte(moduleOptions), 0o644); err != nil {
		return err
	}
	return loadModules(startModules)
}

// loadModules loads modules by name, with what they depend on.
func loadModules(names []string) error {
	out, err := exec.Command("modprobe", append([]string{"--all"}, names...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("modprobe %v: %w: %s", names, err, bytes.TrimSpace(out))
	}
	return nil
}

// exitStatus is a wait status as a shell would give it.
func exitStatus(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
