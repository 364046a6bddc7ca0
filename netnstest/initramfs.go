package netnstest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The guest boots in two stages. The first is a shell script in the initramfs, which only mounts
// the host's file system; the second, this package's own runInit, has everything at hand.

const initramfsFile = "initramfs"

// rootModules are what it takes to reach the host's file system and to write on top of it.
var rootModules = []string{"virtio_pci", "9pnet_virtio", "9p", "overlay"}

// firstStage is /init. The host's files don't change while the guest runs, so it may cache
// without asking (cache=loose). The arguments: the modules, the lab's folder, the program that is
// the second stage.
const firstStage = `#!/bin/busybox sh
set -e
for m in %s; do /bin/busybox insmod /$m; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro host /host
/bin/busybox mount -t tmpfs -o mode=755 tmpfs /memory
/bin/busybox mkdir /memory/upper /memory/work
/bin/busybox mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /root
export ` + envMode + `=` + modeInit + ` ` + envDir + `=%s PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec /bin/busybox switch_root /root %s
`

func (l *Lab) writeInitramfs() error {
	busybox, err := staticBusybox()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	modules, err := l.kernel.loadOrder(rootModules)
	if err != nil {
		return err
	}

	var a cpio
	a.addFolders("bin", "dev", "host", "memory", "root")
	a.add("bin/busybox", cpioProgram, busybox)
	var names []string
	for _, file := range modules {
		data, err := readModule(file)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(path.Base(file), ".xz")
		a.add(name, cpioProgram, data)
		names = append(names, name)
	}
	script := fmt.Sprintf(firstStage, strings.Join(names, " "), shellQuote(l.dir), shellQuote(self))
	a.add("init", cpioProgram, []byte(script))
	return os.WriteFile(filepath.Join(l.dir, initramfsFile), a.bytes(), 0o600)
}

// staticBusybox reads the busybox of the host, which must not need libraries.
func staticBusybox() ([]byte, error) {
	file, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("%w (the package busybox-static has it)", err)
	}
	return os.ReadFile(file)
}

// loadOrder resolves module names to files, each after those that it depends on.
func (k kernel) loadOrder(names []string) ([]string, error) {
	dir := filepath.Join(k.modules, k.release)
	f, err := os.Open(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	deps, err := moduleDeps(f)
	if err != nil {
		return nil, err
	}
	var order []string
	for _, name := range names {
		files, ok := deps[name]
		if !ok {
			continue // built in, or a module of another kernel version: the mount will tell
		}
		for _, file := range slices.Backward(files) {
			if file = filepath.Join(dir, file); !slices.Contains(order, file) {
				order = append(order, file)
			}
		}
	}
	return order, nil
}

// moduleDeps parses modules.dep. A line is a module and all that it needs, directly or not; a
// later one never needs an earlier one. Modules are keyed as modprobe names them.
func moduleDeps(r io.Reader) (map[string][]string, error) {
	deps := make(map[string][]string)
	s := bufio.NewScanner(r)
	for s.Scan() {
		file, needs, ok := strings.Cut(s.Text(), ":")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(path.Base(file), ".ko")
		deps[strings.ReplaceAll(name, "-", "_")] = append([]string{file}, strings.Fields(needs)...)
	}
	return deps, s.Err()
}

// readModule reads a module, unpacked: newer Debian packs them.
func readModule(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(file, ".xz") {
		return data, err
	}
	return unpack(data)
}

func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// cpio builds an archive in the format "newc", the one that the kernel unpacks
// (Documentation/driver-api/early-userspace/buffer-format.rst in its source).
type cpio struct {
	buf   bytes.Buffer
	inode int
}

// Modes of what is in an archive.
const (
	cpioFolder  = 0o040755
	cpioProgram = 0o100755
)

func (c *cpio) add(name string, mode int, data []byte) {
	c.inode++
	fmt.Fprintf(&c.buf, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		c.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	c.buf.WriteString(name + "\x00")
	c.pad()
	c.buf.Write(data)
	c.pad()
}

func (c *cpio) addFolders(names ...string) {
	for _, name := range names {
		c.add(name, cpioFolder, nil)
	}
}

// pad aligns what follows to four bytes.
func (c *cpio) pad() {
	for c.buf.Len()%4 != 0 {
		c.buf.WriteByte(0)
	}
}

func (c *cpio) bytes() []byte {
	c.add("TRAILER!!!", 0, nil)
	return c.buf.Bytes()
}
