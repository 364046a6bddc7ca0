package ifupdown

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const maxFile = 1 << 20 // bytes

// ErrNotRegular is the error of reading a folder, a device or such.
var ErrNotRegular = errors.New("it is no regular file")

// OnDisk are the files of this machine: regular ones, of a megabyte at most.
func OnDisk() Files { return Files{Read: read, Glob: glob} }

func read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO would be waited for
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: %w", path, ErrNotRegular)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("read %s: it is longer than %d bytes", path, maxFile)
	}
	return text, err
}

// glob is wordexp(3)'s, by which ifup resolves a pattern: a name that begins with a dot is
// matched by one that does, too.
func glob(pattern string) ([]string, error) {
	paths, err := filepath.Glob(pattern)
	return slices.DeleteFunc(paths, func(path string) bool {
		names, patterns := strings.Split(path, "/"), strings.Split(filepath.Clean(pattern), "/")
		for i := range min(len(names), len(patterns)) {
			if strings.HasPrefix(names[i], ".") && !strings.HasPrefix(patterns[i], ".") {
				return true
			}
		}
		return false
	}), err
}
