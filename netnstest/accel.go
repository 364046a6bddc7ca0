package netnstest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// emulation is QEMU's accelerator that works everywhere: every instruction is emulated.
const emulation = "tcg,thread=multi"

// countingEmulation is the one that can count instructions: one thread, whatever it emulates.
const countingEmulation = "tcg,thread=single"

// kvmDevice is there where the kernel can run guests on the processor itself, or says that it can.
const kvmDevice = "/dev/kvm"

// emulatedCPU has what QEMU can do, except what is slow to emulate: page tables of five levels, and
// "fast" string operations (erms, fsrm), for which the kernel clears and copies memory byte by byte and
// not by eights. Clearing the pages of a new process took a third of its time.
const emulatedCPU = "max,la57=off,erms=off,fsrm=off"

// cpuModel is QEMU's -cpu for an accelerator.
func cpuModel(accel string) string {
	if strings.HasPrefix(accel, "tcg") {
		return emulatedCPU
	}
	return "host"
}

// InstructionTime is what an instruction takes by the clocks of a guest that counts them.
const InstructionTime = 2 * time.Nanosecond

// CountInstructions has the next guest count instructions in place of time: each moves its clocks on by
// [InstructionTime], on the one processor that it has. So the processor time of a process is what it
// executed, the kernel's work for it included, and hardly differs from run to run. While the guest has
// nothing to do, its time passes as ever.
func (l *Lab) CountInstructions() { l.counting = true }

// probeLimit is how long a guest under KVM may take to get to its init. It takes a second or two where
// KVM works.
const probeLimit = 10 * time.Second

// chooseAccelerator prefers KVM where a guest really boots with it. A build machine may have a
// /dev/kvm on which QEMU fails, or on which a guest hangs without a word, so one is booted to see. What
// came of it is kept in the cache until the kernel, QEMU or the machine's boot is another.
func (l *Lab) chooseAccelerator(ctx context.Context) (string, error) {
	if l.counting {
		return countingEmulation, nil
	}
	if accel := os.Getenv(envAccel); accel != "" {
		return accel, nil
	}
	kvm, err := os.OpenFile(kvmDevice, os.O_RDWR, 0)
	if err != nil {
		return emulation, nil
	}
	kvm.Close()
	trouble, err := l.kvmTrouble(ctx)
	if err != nil {
		return "", err
	}
	if trouble == "" {
		return "kvm", nil
	}
	fmt.Fprintf(os.Stderr, "netnstest: %s doesn't work (%s), so the machine is emulated, which is slow\n", kvmDevice, trouble)
	return emulation, nil
}

// kvmTrouble says what keeps guests from booting with KVM, from the cache if that knows. It is empty
// where they boot.
func (l *Lab) kvmTrouble(ctx context.Context) (string, error) {
	key, err := l.probeKey()
	if err != nil {
		return "", err
	}
	var file string
	if cache, err := cacheFolder(); err == nil {
		file = filepath.Join(cache, "kvm-"+l.kernel.release)
		if data, err := os.ReadFile(file); err == nil {
			if trouble, ok := strings.CutPrefix(string(data), key+"\n"); ok {
				return trouble, nil
			}
		}
	}
	trouble, err := l.probeKVM(ctx, probeLimit)
	if err != nil || file == "" {
		return trouble, err
	}
	return trouble, writeAtomically(file, []byte(key+"\n"+trouble))
}

// probeKey names all that the outcome of a probe depends on.
func (l *Lab) probeKey() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(boot))
	for _, file := range []string{l.kernel.image, l.qemu} {
		info, err := os.Stat(file)
		if err != nil {
			return "", err
		}
		key += fmt.Sprintf(" %s %d %d", file, info.Size(), info.ModTime().UnixNano())
	}
	return key, nil
}

// probeScript is the /init of a probe. The console is where it can be heard with no driver loaded.
const (
	probeWord   = "netnstest: init runs"
	probeScript = "#!/bin/busybox sh\necho " + probeWord + "\nexec /bin/busybox reboot -f\n"
)

// probeKVM boots a guest under KVM that does nothing but say that it is there.
func (l *Lab) probeKVM(ctx context.Context, limit time.Duration) (trouble string, err error) {
	image, err := l.kernel.bootImage()
	if err != nil {
		return "", err
	}
	busybox, err := staticBusybox()
	if err != nil {
		return "", err
	}
	var a cpio
	a.addFolders("bin", "dev")
	a.add("bin/busybox", cpioProgram, busybox)
	a.add("init", cpioProgram, []byte(probeScript))
	initramfs := filepath.Join(l.dir, "probe")
	if err := os.WriteFile(initramfs, a.bytes(), 0o600); err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(limited, l.qemu, append(machineArgs("kvm", image, initramfs), "-serial", "stdio")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	switch said := strings.TrimSpace(string(out)); {
	case strings.Contains(said, probeWord):
		return "", nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case limited.Err() != nil:
		return fmt.Sprintf("a guest doesn't boot within %v", limit), nil
	case said != "":
		first, _, _ := strings.Cut(said, "\n")
		return first, nil
	default:
		return fmt.Sprintf("qemu: %v", err), nil
	}
}
