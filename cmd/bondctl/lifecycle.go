package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

// readyFlag has a keeper that up started say when the bond is as wanted: a
// line on its descriptor readyFD.
const (
	readyFlag = "ready"
	readyFD   = 3
)

// leaveKeeper sees to it that the bond has a keeper: one that runs is told to
// look at what is wanted now, and otherwise one is started.
func leaveKeeper(c *cli.Context, h *bond.Host, name string) error {
	if h.Keeper(name) != 0 {
		return h.WakeKeeper(name)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	cmd := exec.CommandContext(c.Context, self, "daemon", "--syslog", "--"+readyFlag, name)
	cmd.Cancel = func() error { return nil } // it is to outlive this process
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{theirs}
	// A session of its own: no terminal's hang-up or Ctrl-C reaches it.
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return fmt.Errorf("start the keeper of %s: %w", name, err)
	}
	if _, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		_ = cmd.Wait()
		return errors.New("the keeper of " + name + " ended before it was ready: " + cmd.ProcessState.String())
	}
	return cmd.Process.Release()
}

// sayReady tells the up that started this keeper that all is as wanted.
func sayReady() {
	f := os.NewFile(readyFD, "ready")
	fmt.Fprintln(f, "ready")
	f.Close()
}
