package netnstest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Files in the lab's folder: what QEMU says, and the guest's serial console.
const (
	qemuFile    = "qemu"
	consoleFile = "console"
)

// The guest's virtio ports, by name. The job's three streams, a line with its exit status at the
// end, and QEMU's monitor, which the guest itself uses to plug and unplug hardware.
const (
	portStdin  = "stdin"
	portStdout = "stdout"
	portStderr = "stderr"
	portStatus = "status"
	portQMP    = "qmp"
)

// tunedKernel makes a kernel fast to boot where every instruction is emulated: no self-tests, no
// mitigations, no audit, no waiting for RCU (which also makes namespaces quick to go).
const tunedKernel = "console=ttyS0 quiet panic=-1 oops=panic mitigations=off audit=0 " +
	"apparmor=0 cryptomgr.notests no_timer_check tsc=reliable rcupdate.rcu_expedited=1 " +
	"random.trust_cpu=on 8250.nr_uarts=1 nowatchdog norandmaps init_on_alloc=0"

// machine is a running guest, seen from the host.
type machine struct {
	cmd     *exec.Cmd
	ctx     context.Context
	status  chan int // the job's exit status; closed without one when the guest died
	streams sync.WaitGroup
}

// start boots the guest and begins to copy the job's streams.
func (l *Lab) start(ctx context.Context, j Job) (*machine, error) {
	image, err := l.kernel.bootImage()
	if err != nil {
		return nil, err
	}
	accel, err := l.chooseAccelerator(ctx)
	if err != nil {
		return nil, err
	}
	m := &machine{ctx: ctx, status: make(chan int, 1)}
	var s sockets
	defer s.closeFar()
	stdin, stdout, stderr, status := s.pair(), s.pair(), s.pair(), s.pair()
	monitor, port := s.monitor()
	if s.err != nil {
		s.closeNear()
		return nil, s.err
	}

	cmd := exec.CommandContext(ctx, l.qemu, l.qemuArgs(accel, image, monitor, port)...)
	cmd.ExtraFiles = s.far
	// The guest must not survive a killed test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(l.dir, qemuFile))
	if err != nil {
		s.closeNear()
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.closeNear()
		return nil, err
	}
	m.cmd = cmd
	m.copy(j, stdin, stdout, stderr, status)
	return m, nil
}

// guestProcessors is how many the guest has: as this machine, within limits. Two, of which one may wait
// for the other, show more of what can go wrong than one does.
func guestProcessors() int { return min(max(2, runtime.NumCPU()), 4) }

// machineArgs is the part of QEMU's command line by which a machine boots at all.
func machineArgs(accel, image, initramfs string) []string {
	return []string{
		"-nodefaults", "-no-reboot", "-no-user-config", "-display", "none",
		"-machine", "q35,smbus=off,sata=off", "-accel", accel, "-cpu", cpuModel(accel),
		"-smp", strconv.Itoa(guestProcessors()), "-m", "2G", "-kernel", image, "-initrd", initramfs, "-append", strings.TrimSpace(tunedKernel + " " + os.Getenv(envAppend)),
	}
}

// qemuArgs is QEMU's command line.
func (l *Lab) qemuArgs(accel, image string, monitor, port int) []string {
	args := append(machineArgs(accel, image, filepath.Join(l.dir, initramfsFile)),
		"-chardev", "file,id=console,path="+escapeComma(filepath.Join(l.dir, consoleFile)),
		"-serial", "chardev:console",
		"-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
		"-virtfs", "local,path="+escapeComma(l.dir)+",mount_tag=lab,security_model=none",
		"-device", "virtio-serial-pci",
	)
	for i, name := range []string{portStdin, portStdout, portStderr, portStatus} {
		args = append(args, portArgs(name, firstFD+i)...)
	}
	args = append(args, "-chardev", fmt.Sprintf("socket,id=monitor,fd=%d", monitor), "-mon", "chardev=monitor,mode=control")
	args = append(args, portArgs(portQMP, port)...)
	if l.counting {
		args = append(args, "-smp", "1", "-icount", "shift=1") // 2 to the shift is InstructionTime
	}
	return append(args, hardware...)
}

func portArgs(name string, fd int) []string {
	return []string{
		"-chardev", fmt.Sprintf("socket,id=%s,fd=%d", name, fd),
		"-device", fmt.Sprintf("virtserialport,chardev=%s,name=%s", name, name),
	}
}

// escapeComma makes a value fit for QEMU's comma-separated options.
func escapeComma(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// copy moves the job's streams and waits for its exit status, all in the background.
func (m *machine) copy(j Job, stdin, stdout, stderr, status net.Conn) {
	go func() {
		if j.Stdin != nil {
			_, _ = io.Copy(stdin, j.Stdin)
		}
		// Not Close: QEMU would take that for a hang-up and drop what it hasn't read yet.
		stdin.(*net.UnixConn).CloseWrite()
	}()
	for _, s := range []struct {
		to   io.Writer
		from net.Conn
	}{{j.Stdout, stdout}, {j.Stderr, stderr}} {
		m.streams.Go(func() {
			defer s.from.Close()
			if s.to == nil {
				s.to = io.Discard
			}
			_, _ = io.Copy(s.to, s.from)
		})
	}
	go func() {
		defer status.Close()
		defer close(m.status)
		line, err := bufio.NewReader(status).ReadString('\n')
		if err != nil {
			return
		}
		if code, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			m.status <- code
		}
	}()
}

// wait returns the job's exit status as soon as the guest has told it. The guest isn't shut down:
// by then its output is in our sockets and its files are in the host's hands.
func (m *machine) wait() (int, error) {
	status, ok := <-m.status
	_ = m.cmd.Process.Kill()
	err := m.cmd.Wait()
	m.streams.Wait()
	switch {
	case ok:
		return status, nil
	case m.ctx.Err() != nil:
		return 0, fmt.Errorf("the guest was stopped: %w", context.Cause(m.ctx))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Sys().(syscall.WaitStatus).Signaled() {
		return 0, fmt.Errorf("qemu: %w", err)
	}
	return 0, errors.New("the guest died")
}
