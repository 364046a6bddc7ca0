package sysfs

import (
	"errors"
	"syscall"
)

// pageSize is the buffer for one attribute. The kernel renders an attribute into
// one page, which on some architectures is larger than this; then it grows.
const pageSize = 4096

// A dir is an open directory whose files are read by name. It goes on meaning
// the same device when that is renamed, or is removed and another one takes its
// name.
//
// It makes three system calls a file, os.ReadFile more than twice as many: that
// also asks for the size, which sysfs doesn't know, reads again to see the end,
// and registers the file with the poller, which sysfs files support.
type dir struct {
	fd  int
	buf []byte
}

// openDir opens the directory at path. The error is a bare syscall.Errno.
func openDir(path string) (*dir, error) {
	fd, err := openDirAt(atCWD, path)
	if err != nil {
		return nil, err
	}

	return &dir{fd: fd, buf: make([]byte, pageSize)}, nil
}

// openDevice opens a device's directory at path, or the one called sub in it. A
// device that the kernel is still making is ENOENT: it makes statistics after
// all else that is read here.
func openDevice(path, sub string) (*dir, error) {
	d, err := openDir(path)
	if err != nil {
		return nil, err
	}

	if err := syscall.Faccessat(d.fd, "statistics", 0, 0); err != nil {
		d.close()
		return nil, err
	}
	if sub == "" {
		return d, nil
	}
	defer d.close()

	fd, err := openDirAt(d.fd, sub)
	if err != nil {
		return nil, err
	}

	return &dir{fd: fd, buf: d.buf}, nil
}

// atCWD makes a path relative to the working directory: AT_FDCWD of openat(2).
const atCWD = -100

// openDirAt opens a directory relative to another one.
func openDirAt(fd int, path string) (int, error) {
	return retry(func() (int, error) {
		return syscall.Openat(fd, path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	})
}

// close releases the directory.
func (d *dir) close() {
	_ = syscall.Close(d.fd)
}

// read returns the contents of the file called name, valid until the next read.
// The error is a bare syscall.Errno.
func (d *dir) read(name string) ([]byte, error) {
	fd, err := retry(func() (int, error) {
		return syscall.Openat(d.fd, name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = syscall.Close(fd) }()

	for n := 0; ; {
		m, err := retry(func() (int, error) { return syscall.Read(fd, d.buf[n:]) })
		if err != nil {
			return nil, err
		}
		n += m
		// An attribute arrives as a whole, so a short read is its end.
		if n < len(d.buf) {
			return d.buf[:n], nil
		}
		d.buf = append(d.buf, make([]byte, len(d.buf))...)
	}
}

// retry repeats a system call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// exists reports whether there is anything at path, be it a dangling link.
func exists(path string) bool {
	var st syscall.Stat_t

	return syscall.Lstat(path, &st) == nil
}
