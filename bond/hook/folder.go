package hook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// folder is where hooks are.
type folder struct {
	path  string
	root  string // the folder that path begins in
	owner uint32 // whom everything must belong to
}

// each calls run with every hook, in the order of their names, and warn with
// what is wrong with the folder or with a hook. Where there is no folder it does
// nothing.
func (f folder) each(warn func(error), run func(hook)) {
	dir, err := f.open()
	if err != nil {
		// A folder above that isn't safe matters only where there are hooks.
		if _, none := os.Lstat(path.Join(f.root, f.path)); none == nil {
			warn(err)
		}
		return
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		warn(fmt.Errorf("read %s: %w", f.path, err))
		return
	}
	slices.Sort(names)
	for _, name := range names {
		if !isHookName(name) {
			continue
		}
		h, err := f.hook(dir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it went while we looked
		case err != nil:
			warn(err)
		default:
			run(h)
			h.file.Close()
		}
	}
}

// open opens the folder for reading. It goes there part by part, for only what
// nobody else can change keeps leading to what was looked at.
func (f folder) open() (*os.File, error) {
	at, err := os.OpenFile(f.root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	so := "/"
	err = f.check(at, so, true)
	for part := range strings.SplitSeq(strings.Trim(path.Clean(f.path), "/"), "/") {
		if err != nil {
			break
		}
		var next *os.File
		so = path.Join(so, part)
		if next, err = openIn(at, part, unix.O_PATH); err != nil {
			break
		}
		at.Close()
		at = next
		err = f.check(at, so, true)
	}
	defer at.Close()
	if err != nil {
		return nil, err
	}
	return openIn(at, ".", unix.O_RDONLY|unix.O_DIRECTORY)
}

// hook opens a hook in the folder, without following links.
func (f folder) hook(dir *os.File, name string) (hook, error) {
	file, err := openIn(dir, name, unix.O_PATH)
	if err != nil {
		return hook{}, err
	}
	if err := f.check(file, path.Join(f.path, name), false); err != nil {
		file.Close()
		return hook{}, err
	}
	return hook{name, file}, nil
}

// openIn opens what is called name in a folder. With O_PATH a symbolic link is
// opened as such.
func openIn(dir *os.File, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// check says what is wrong with what was opened, and is called path.
func (f folder) check(file *os.File, path string, isFolder bool) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	return fault(path, st.Mode, st.Uid, f.owner, isFolder)
}

// fault says why a folder or a hook isn't safe, and the command that mends it.
func fault(path string, mode, uid, owner uint32, isFolder bool) error {
	var what, mend string
	kind := mode & unix.S_IFMT
	switch {
	case isFolder && kind == unix.S_IFLNK:
		what, mend = "is a symbolic link and no folder", "rm %[1]s && mkdir -m 755 %[1]s"
	case kind == unix.S_IFLNK:
		what, mend = "is a symbolic link; put the file itself there", `cp --remove-destination "$(readlink -f %[1]s)" %[1]s`
	case isFolder && kind != unix.S_IFDIR:
		what, mend = "isn't a folder", "rm %[1]s && mkdir -m 755 %[1]s"
	case !isFolder && kind != unix.S_IFREG:
		what, mend = "isn't a file that could be run", "mv %[1]s /root/"
	case uid != owner:
		what, mend = fmt.Sprintf("belongs to user %d and not to root", uid), "chown root:root %[1]s"
	case mode&0o022 != 0:
		what, mend = fmt.Sprintf("can be changed by others than root (mode %04o)", mode&0o7777), "chmod go-w %[1]s"
	case !isFolder && mode&0o111 == 0:
		what, mend = "isn't executable", "chmod 755 %[1]s"
	default:
		return nil
	}
	return fmt.Errorf("%s %s; mend it with: %s", path, what, fmt.Sprintf(mend, path))
}

// They are compiled when they are first needed: most of the program's verbs run no
// hook, and start faster without.
var (
	hookName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)
	})
	// What editors, dpkg, ucf, rpm and pacman leave beside a file.
	leftover = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\.(bak|old|orig|rej|save|tmp|swp|dpkg-.*|ucf-.*|rpm(new|save|orig)|pac(new|save))$`)
	})
)

// isHookName says whether a file is meant to be a hook by its name, as
// run-parts does.
func isHookName(name string) bool {
	return hookName().MatchString(name) && !leftover().MatchString(name)
}
