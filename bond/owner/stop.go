package owner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// killTime is how long the kernel may take to end a process that is killed.
const killTime = 5 * time.Second

// Stop ends the client and waits for that, and so it does with its descendants: a dhcpcd's
// helpers, or the copy that is about to go on in its place. All are killed, so that the
// interface keeps its address: told to end, they would give it back, or take it off. It is no
// error if the client has ended. Its PID file is removed, for that number may become another
// process's.
//
// The error is that of ctx when it ends earlier, and else says what couldn't be ended within
// 5 seconds, or which file couldn't be removed.
func (c Client) Stop(ctx context.Context) error {
	all, err := programs()
	if err != nil {
		return err
	}
	family := append([]statefile.Process{c.Process}, descendants(c.PID, all)...)
	var held []*statefile.Handle
	for _, p := range family {
		h, err := p.Hold()
		if errors.Is(err, os.ErrProcessDone) {
			continue
		}
		if err != nil {
			return fmt.Errorf("end %s: %w", c, err)
		}
		defer h.Close()
		held = append(held, h)
	}
	for _, h := range held {
		if err := h.Signal(unix.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("end %s: %w", c, err)
		}
	}
	late := time.After(killTime)
	for _, h := range held {
		select {
		case <-h.Ended():
		case <-ctx.Done():
			return fmt.Errorf("end %s: %w", c, ctx.Err())
		case <-late:
			return fmt.Errorf("end %s: it can't be killed", c)
		}
	}
	return c.removePIDFile()
}

// descendants are the clients that a process has started, and those that they have.
func descendants(pid int, all []running) (list []statefile.Process) {
	for _, r := range all {
		if r.parent == pid && r.PID != pid {
			list = append(list, r.Process)
			list = append(list, descendants(r.PID, all)...)
		}
	}
	return list
}

func (c Client) removePIDFile() error {
	text, err := os.ReadFile(c.PIDFile)
	if err != nil || strings.TrimSpace(string(text)) != strconv.Itoa(c.PID) {
		return nil // there is none, or it is another one's
	}
	return os.Remove(c.PIDFile)
}

// Start starts the client again: its program with the same arguments, environment and
// folder, in a session of its own, and in the control group that it was in, if that is still
// there. It doesn't wait for an address. The error says why the program couldn't be started.
func (c Client) Start() error {
	if len(c.Args) == 0 {
		return fmt.Errorf("start %s: its arguments aren't known", c.Program)
	}
	err := c.start(c.openCgroup())
	if err != nil && c.Cgroup != "" {
		err = c.start(nil) // a control group may be closed to it
	}
	return err
}

func (c Client) start(cgroup *os.File) error {
	cmd := exec.Command(c.Path)
	cmd.Args, cmd.Env, cmd.Dir = c.Args, c.Env, c.Dir
	if _, err := os.Stat(cmd.Dir); err != nil {
		cmd.Dir = "/"
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if cgroup != nil {
		defer cgroup.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(cgroup.Fd())
	}
	// What this process was given by its parent isn't for one that lives on.
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s again: %w", c.Program, err)
	}
	go func() { _ = cmd.Wait() }() // most go to the background, and nobody needs to know when
	return nil
}

// openCgroup is the folder of the control group; nil where there is none. systemd removes
// that of a service that has no process for now, as of ifupdown's, so it is made again. A
// login's that is over isn't.
func (c Client) openCgroup() *os.File {
	if c.Cgroup == "" || strings.Contains(c.Cgroup, "..") {
		return nil
	}
	path := filepath.Join("/sys/fs/cgroup", c.Cgroup)
	if strings.HasSuffix(path, ".service") {
		_ = os.Mkdir(path, 0o755) // or it is there, or its slice isn't
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil
	}
	return dir
}
