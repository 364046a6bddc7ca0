package netnstest

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// What tests start all the time is in the guest's memory, as a layer above the host's root. To start
// ip through 9p takes 69 questions to the host, for each file that is opened and each link in its
// path, and three times the processor's time.

// hotFolder is that layer, in the initramfs.
const hotFolder = "hot"

// hotPrograms are in it with the libraries that they need, where the host has them.
var hotPrograms = []string{
	"busybox", "sh", "cat", "sleep", "ip", "ss", "ping", "iw", "ethtool", "modprobe", "mount", "unshare", "env",
	"dnsmasq", "hostapd", "wpa_supplicant", "wpa_cli",
	"/lib/systemd/systemd", "/lib/systemd/systemd-journald", "/lib/systemd/systemd-udevd",
	"systemctl", "udevadm", "dbus-daemon",
}

// hotFiles are what every start of a program reads besides.
var hotFiles = []string{"/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/passwd"}

// libraryFolders are where the dynamic linker looks, on Debian and elsewhere.
var libraryFolders = []string{
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib",
}

// hotLayer collects files for the layer.
type hotLayer struct {
	archive *cpio
	have    map[string]bool
}

// addHot adds the layer to an initramfs, the programs under test included.
func (l *Lab) addHot(archive *cpio) error {
	h := hotLayer{archive: archive, have: map[string]bool{"/": true}}
	archive.addFolders(hotFolder)
	programs, err := filepath.Glob(filepath.Join(l.dir, programFolder, "*"))
	if err != nil {
		return err
	}
	for _, name := range hotPrograms {
		if file, err := exec.LookPath(name); err == nil {
			programs = append(programs, file)
		}
	}
	for _, file := range programs {
		if err := h.addProgram(file); err != nil {
			return err
		}
	}
	for _, file := range hotFiles {
		if _, err := h.add(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// addProgram adds a program or a library, and the libraries that it needs. A script needs none that are
// known.
func (h *hotLayer) addProgram(file string) error {
	if h.have[file] {
		return nil
	}
	real, err := h.add(file)
	if err != nil {
		return err
	}
	program, err := elf.Open(real)
	if _, script := errors.AsType[*elf.FormatError](err); script {
		return nil
	}
	if err != nil {
		return err
	}
	defer program.Close()
	needed, err := program.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("libraries of %s: %w", file, err)
	}
	folders := libraryFolders
	if runpath, _ := program.DynString(elf.DT_RUNPATH); len(runpath) > 0 {
		folders = slices.Concat(strings.Split(runpath[0], ":"), folders)
	}
	for _, name := range needed {
		for _, folder := range folders {
			library := filepath.Join(folder, name)
			if _, err := os.Stat(library); err == nil {
				if err := h.addProgram(library); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// add adds a file, the folders and links in its path, and what the links lead to, and returns its path
// without links.
func (h *hotLayer) add(file string) (real string, err error) {
	real = "/"
	rest := strings.Split(file, "/")
	for links := 0; len(rest) > 0; {
		next := filepath.Join(real, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			real = next
			if err := h.put(next, info, os.ReadFile); err != nil {
				return "", err
			}
			continue
		}
		if links++; links > 40 {
			return "", &fs.PathError{Op: "open", Path: file, Err: syscall.ELOOP}
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if err := h.put(next, info, func(string) ([]byte, error) { return []byte(target), nil }); err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			real = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return real, nil
}

// put puts one file, folder or link into the archive.
func (h *hotLayer) put(name string, info fs.FileInfo, read func(string) ([]byte, error)) error {
	if h.have[name] {
		return nil
	}
	h.have[name] = true
	var data []byte
	if !info.IsDir() {
		var err error
		if data, err = read(name); err != nil {
			return err
		}
	}
	h.archive.add(hotFolder+name, int(info.Sys().(*syscall.Stat_t).Mode), data)
	return nil
}
