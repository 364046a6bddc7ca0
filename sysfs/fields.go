package sysfs

import (
	"bytes"
	"io/fs"
	"net"
	"path/filepath"
)

// A source yields the contents of the files of one directory: a dir, or in tests
// whatever provokes an error. The contents are valid until the next read.
type source interface {
	read(name string) ([]byte, error)
}

// fields reads the files of a directory into typed values. The first error that
// isn't normal is kept, and nothing is read after it, so that a whole record can
// be written as one literal and checked once.
type fields struct {
	src  source
	path string // for errors
	err  error
}

// contents returns the contents of a file without the newline at the end. It
// reports false when there is no value.
func (f *fields) contents(name string) ([]byte, bool) {
	if f.err != nil {
		return nil, false
	}

	b, err := f.src.read(name)
	switch {
	case absent(err):
		return nil, false
	case err != nil:
		f.fail(name, err)
		return nil, false
	}

	b = bytes.TrimRight(b, "\n")
	// Outside of 802.3ad the kernel leaves a bond's ad_ files empty and writes
	// N/A into a slave's.
	return b, len(b) > 0 && !bytes.Equal(b, []byte("N/A"))
}

// fail keeps err as the reason why a file can't be read, unless an earlier one
// is known.
func (f *fields) fail(name string, err error) {
	if f.err == nil {
		f.err = &fs.PathError{Op: "read", Path: filepath.Join(f.path, name), Err: err}
	}
}

// first requires the file that the kernel makes last, and must therefore be
// called before all else: if it isn't there yet, others aren't either, and the
// record is fs.ErrNotExist.
func (f *fields) first(name string) {
	if _, err := f.src.read(name); absent(err) {
		f.fail(name, fs.ErrNotExist)
	} else if err != nil {
		f.fail(name, err)
	}
}

// last reads the file that the kernel takes away first when the device goes, and
// must therefore be called after all else: if even this one is there, nothing
// was missing because the device went. If not, the record is fs.ErrNotExist,
// whatever else was wrong with it.
func (f *fields) last(name string) []byte {
	b, err := f.src.read(name)
	switch {
	case absent(err):
		f.err = nil
		f.fail(name, fs.ErrNotExist)
	case err != nil:
		f.fail(name, err)
	}

	return bytes.TrimRight(b, "\n")
}

// optional reads a file that may have no value: nil.
func optional[T any](f *fields, name string, parse func([]byte) (T, error)) *T {
	b, ok := f.contents(name)
	if !ok {
		return nil
	}

	v, err := parse(b)
	if err != nil {
		f.fail(name, err)
		return nil
	}

	return &v
}

// value reads a file that may have no value: T's zero.
func value[T any](f *fields, name string, parse func([]byte) (T, error)) T {
	if v := optional(f, name, parse); v != nil {
		return *v
	}

	var zero T

	return zero
}

func (f *fields) number(name string) *int             { return optional(f, name, parseInt) }
func (f *fields) word(name string) *string            { return optional(f, name, parseWord) }
func (f *fields) hwAddr(name string) net.HardwareAddr { return value(f, name, parseHardwareAddr) }
