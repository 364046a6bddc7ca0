package hook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// hook is an executable that is safe to run.
type hook struct {
	name string
	file *os.File // opened with O_PATH
}

const (
	// grace is what a hook has after a SIGTERM, before a SIGKILL.
	grace = 2 * time.Second
	// outputDelay is how long the end of the output is waited for once the hook
	// has ended: a process with a session of its own may hold it open.
	outputDelay = time.Second
)

// run runs the hook, and returns what it wrote. The error says how it failed.
func (h hook) run(ctx context.Context, limit time.Duration, env []string) (string, error) {
	var out output
	cmd := exec.Cmd{
		// The first of ExtraFiles is 3. It stays open over the exec, for the
		// interpreter of a script opens the script by this path.
		Path: "/proc/self/fd/3", ExtraFiles: []*os.File{h.file},
		Args: []string{h.name}, Env: env, Dir: "/",
		Stdout: &out, Stderr: &out, WaitDelay: outputDelay,
		SysProcAttr: &unix.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL},
	}
	if err := cmd.Start(); err != nil {
		return "", startError(err)
	}
	late := endWithin(ctx, cmd.Process.Pid, limit)
	err := cmd.Wait()
	switch {
	case late != nil:
		err = late
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil
	}
	return out.String(), err
}

// startError says why a hook can't be run; the path it is run by says nothing.
func startError(err error) error {
	if errors.Is(err, unix.ENOEXEC) {
		return errors.New("it can't be run: it is no program, and no script with an interpreter (#!) in its first line")
	}
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("it can't be run: %w", err)
}

// endWithin waits until a hook has ended, and sees to it that it does in time.
// The error says that it had to. All that was in the hook's process group has
// ended then, too.
func endWithin(ctx context.Context, pid int, limit time.Duration) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		waitEnd(pid)
	}()
	var late error
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		late = fmt.Errorf("it took more than %s and was ended", limit)
	case <-ctx.Done():
		late = errors.New("it was ended, for the keeper ends")
	}
	if late != nil {
		_ = unix.Kill(-pid, unix.SIGTERM)
		select {
		case <-ended:
		case <-time.After(grace):
		}
	}
	// Until somebody waits for it, the number is the hook's, dead or alive.
	_ = unix.Kill(-pid, unix.SIGKILL)
	<-ended
	return late
}

// waitEnd waits until a child has ended, and leaves it to be waited for.
func waitEnd(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// output keeps the beginning of what a hook writes.
type output struct {
	kept []byte
	more int
}

const maxOutput = 8 << 10

// Write takes everything, so that no hook waits or gets a SIGPIPE.
func (o *output) Write(b []byte) (int, error) {
	n := min(len(b), maxOutput-len(o.kept))
	o.kept = append(o.kept, b[:n]...)
	o.more += len(b) - n
	return len(b), nil
}

func (o *output) String() string {
	if o.more > 0 {
		return fmt.Sprintf("%s... and %d bytes more", o.kept, o.more)
	}
	return string(o.kept)
}
