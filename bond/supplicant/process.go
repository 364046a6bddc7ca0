package supplicant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// process is a wpa_supplicant that was found. It is held until it is closed.
type process struct {
	*statefile.Handle
	pid  int
	args []string
}

// ours are the processes whose control socket is in dir; one, unless something
// went wrong.
func ours(dir string) ([]*process, error) {
	want := []string{"-g", control(dir)}
	return processes(func(args []string) bool {
		return len(args) > 2 && slices.Equal(args[len(args)-2:], want)
	})
}

// processes are those of wpa_supplicant, in this network namespace and of this
// process's user or root, whose arguments fit.
func processes(fit func(args []string) bool) ([]*process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var found []*process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !fit(arguments(pid)) {
			continue
		}
		if p := open(pid); p != nil && fit(p.args) && p.trusted() {
			found = append(found, p)
		} else if p != nil {
			p.Close()
		}
	}
	return found, nil
}

// arguments are a process's; nil when it isn't a wpa_supplicant, or has ended.
func arguments(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	args := strings.Split(string(bytes.TrimSuffix(text, []byte{0})), "\x00")
	if filepath.Base(args[0]) != "wpa_supplicant" {
		return nil
	}
	return args
}

// open takes hold of a process; nil when it has ended. Its arguments are read
// after that, and it hasn't ended since: so they are its own.
func open(pid int) *process {
	h, err := statefile.Hold(pid)
	if err != nil {
		return nil
	}
	args := arguments(pid)
	if args == nil || h.Over() {
		h.Close()
		return nil
	}
	return &process{h, pid, args}
}

// trusted says whether the process may be what its arguments claim: anybody
// can run something under any name.
func (p *process) trusted() bool {
	info, err := os.Stat(fmt.Sprintf("/proc/%d", p.pid))
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return false
	}
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", p.pid))
	if err != nil {
		// With few capabilities, one can't look at those that have more.
		return true
	}
	mine, err := os.Readlink("/proc/thread-self/ns/net")
	return err != nil || theirs == mine
}

// signal sends a signal. It is no error if the process has ended.
func (p *process) signal(sig unix.Signal) error {
	if err := p.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end wpa_supplicant, process %d: %w", p.pid, err)
	}
	return nil
}

// replace ends a process in whose place another one is wanted: after ctx none
// is, and what then seemed to be silent may be in good order.
func (p *process) replace(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.end(ctx)
}

// endTime is how long wpa_supplicant may take to say farewell to its access
// point and to tidy up, and then the kernel to kill it. Both together are less
// than the keeper gives a Stop.
const endTime = 2 * time.Second

// end ends the process and waits for that. One that takes too long is killed,
// and so is one that is still there when ctx ends: whoever wanted it gone isn't
// there to ask again.
func (p *process) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	if err := p.signal(unix.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.Ended():
		return nil
	case <-ctx.Done():
	}
	if err := p.signal(unix.SIGKILL); err != nil {
		return err
	}
	select {
	case <-p.Ended():
		return nil
	case <-time.After(endTime):
		return fmt.Errorf("wpa_supplicant, process %d, can't be killed", p.pid)
	}
}
