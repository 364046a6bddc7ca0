package netnstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Environment variables by which the host, the guest's init and the guest's job know each other.
const (
	envMode     = "BONDCTL_LAB"          // which of them this process is, see the mode constants
	envDir      = "BONDCTL_LAB_DIR"      // the lab's folder, the same path on both sides
	envRequired = "BONDCTL_LAB_REQUIRED" // 1: no lab is an error
	envKernel   = "BONDCTL_LAB_KERNEL"   // a folder with a kernel and its modules
	envAppend   = "BONDCTL_LAB_APPEND"   // more parameters of the kernel
	envAccel    = "BONDCTL_LAB_ACCEL"    // QEMU's -accel
	envSlow     = "BONDCTL_LAB_SLOW"     // how many times slower than usual the machine is
)

// Values of envMode.
const (
	modeHost   = ""       // boot a guest
	modeInit   = "init"   // be the guest's init
	modeGuest  = "guest"  // run in the guest
	modeNative = "native" // run on the running kernel
)

// ErrUnavailable is what [Open] returns, wrapped, where no virtual machine can be had: QEMU, the
// kernel or busybox is missing.
var ErrUnavailable = errors.New("no virtual machine")

// Lab is a virtual machine that can be booted. It owns a folder that the guest sees under the
// same path, and the only one that it can write to.
type Lab struct {
	dir      string
	qemu     string
	kernel   kernel
	counting bool // see CountInstructions
}

// Job is a command to be run in the guest: Args[0] is its path or its name in PATH, Env what is added to the
// environment of this process, Dir its working directory (none: the same as here). A nil
// Stdin is empty, a nil Stdout or Stderr is dropped.
type Job struct {
	Args   []string
	Env    []string
	Dir    string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// order is how a job is handed to the guest, as order.json in the lab's folder.
type order struct {
	Args    []string
	Env     []string
	Dir     string
	Modules string // the folder that becomes /lib/modules
}

const orderFile = "order.json"

// Open finds what a virtual machine needs. It fails with [ErrUnavailable] where that is missing.
func Open() (*Lab, error) {
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	k, err := findKernel()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	dir, err := makeFolder()
	if err != nil {
		return nil, err
	}
	return &Lab{dir: dir, qemu: qemu, kernel: k}, nil
}

// makeFolder makes a temporary folder for programs, from which anybody may run them: a test may be about
// somebody without privilege.
func makeFolder() (string, error) {
	dir, err := os.MkdirTemp("", "bondctl-lab-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// InGuest tells whether this process runs in a guest.
func InGuest() bool { return os.Getenv(envMode) == modeGuest }

// Close removes the lab's folder.
func (l *Lab) Close() error { return os.RemoveAll(l.dir) }

// Run boots the guest, runs the job in it and returns the job's exit status (128 and the signal's
// number, when a signal killed it). An error means that the guest never got that far, or was
// still at it when ctx ended; it carries the end of what the guest's kernel said.
func (l *Lab) Run(ctx context.Context, j Job) (int, error) {
	if err := l.writeOrder(j); err != nil {
		return 0, err
	}
	if err := l.writeInitramfs(); err != nil {
		return 0, fmt.Errorf("make the initramfs: %w", err)
	}
	// A process's death signal comes when the thread that started it ends, so that must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m, err := l.start(ctx, j)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", l.qemu, err)
	}
	status, err := m.wait()
	if err != nil {
		return 0, fmt.Errorf("%w; the guest's console ends:\n%s", err, l.consoleTail())
	}
	return status, nil
}

func (l *Lab) writeOrder(j Job) error {
	o := order{Args: j.Args, Dir: j.Dir, Modules: l.kernel.modules}
	if o.Dir == "" {
		wd, err := os.Getwd()
		if err != nil {
			return err
		}
		o.Dir = wd
	}
	cmd := exec.Cmd{Env: append(os.Environ(), "PATH="+guestPath(l.dir), envMode+"="+modeGuest, envDir+"="+l.dir)}
	cmd.Env = append(cmd.Env, j.Env...)
	o.Env = cmd.Environ() // the last of a name's values alone
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.dir, orderFile), data, 0o600)
}

// guestPath is PATH in the guest: the programs under test first, and the folders of root, for
// the user who starts a test may not have them.
func guestPath(dir string) string {
	return strings.Join([]string{
		filepath.Join(dir, programFolder), os.Getenv("PATH"), "/usr/sbin", "/usr/bin", "/sbin", "/bin",
	}, string(os.PathListSeparator))
}

// consoleTail is what QEMU said and the end of what the guest's kernel and init did.
func (l *Lab) consoleTail() string {
	const most = 400 // a panic with its registers and its stack, of which the first line counts
	var text string
	for _, name := range []string{qemuFile, consoleFile} {
		if data, err := os.ReadFile(filepath.Join(l.dir, name)); err == nil {
			text += string(data)
		}
	}
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r", ""))
	if text == "" {
		return "(it said nothing)"
	}
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
