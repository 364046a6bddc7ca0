package netnstest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// envInside marks the process that already is in the namespaces of a native run.
const envInside = "BONDCTL_LAB_INSIDE"

// mainNative runs the tests on the running kernel, in namespaces of their own: outside of them
// nothing changes. A process with many threads can't enter a namespace as a whole, so it starts
// itself again inside.
func mainNative(m *testing.M, o options) int {
	if os.Getenv(envInside) != "" {
		if err := enterNative(); err != nil {
			complain(err)
			return 1
		}
		return runHere(m)
	}
	flag.Parse()
	status, err := runInside(o)
	if err != nil {
		complain(err)
		return 1
	}
	return status
}

func runInside(o options) (int, error) {
	dir, err := makeFolder()
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := build(context.Background(), filepath.Join(dir, programFolder), o.programs...); err != nil {
		return 0, err
	}
	cover, err := coverEnv(dir)
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	slowness = measureSlowness()
	cmd.Env = append(os.Environ(), slowEnv(), envInside+"=1", envDir+"="+dir, "PATH="+guestPath(dir))
	cmd.Env = append(cmd.Env, cover...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		// The user becomes root of a namespace in which that means nothing to anybody else.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitStatus(exit.Sys().(syscall.WaitStatus)), nil
	}
	if err != nil {
		return 0, fmt.Errorf("start the tests in new namespaces: %w", err)
	}
	return 0, addCoverage(dir)
}

// enterNative gives the new namespaces what belongs to them.
func enterNative() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := mountSysfs(); err != nil {
		return err
	}
	if err := mountOwn(); err != nil {
		return err
	}
	return loopbackUp()
}
