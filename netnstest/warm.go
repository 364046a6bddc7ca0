package netnstest

import (
	"debug/elf"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// To open a file of the host's, or to follow a link, the guest asks QEMU, which takes milliseconds while
// it is busy, and a program that is linked dynamically opens a dozen files as it starts. The guest's root
// is an overlay, though: what was changed in it is in memory.

var warmed sync.Map // paths

// libraryFolders are where programs have their libraries.
var libraryFolders = []string{"/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu/systemd"}

// Warm brings a program, or a library, with its libraries into the guest's memory, as [Namespace.Command]
// does by itself. What can't be brought there is run all the same.
func Warm(file string) {
	if _, done := warmed.LoadOrStore(file, true); done || !InGuest() {
		return
	}
	for dir := filepath.Dir(file); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
			touch(dir)
		}
	}
	touch(file)
	if target, err := filepath.EvalSymlinks(file); err == nil && target != file {
		Warm(target)
		return
	}
	program, err := elf.Open(file)
	if err != nil {
		return // a script, or nothing
	}
	defer program.Close()
	libraries, _ := program.ImportedLibraries()
	for _, library := range libraries {
		for _, dir := range libraryFolders {
			Warm(filepath.Join(dir, library))
		}
	}
}

// touch gives a file or a link to its owner, which changes nothing but where the overlay has it.
func touch(path string) {
	if info, err := os.Lstat(path); err == nil {
		owner := info.Sys().(*syscall.Stat_t)
		_ = os.Lchown(path, int(owner.Uid), int(owner.Gid))
	}
}
