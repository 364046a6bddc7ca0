package ifupdown

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

const maxFile = 1 << 20 // bytes

// ErrNotRegular is the error of reading a folder, a device or such.
var ErrNotRegular = errors.New("it is no regular file")

// OnDisk are the files of this machine: regular ones, of a megabyte at most.
func OnDisk() Files { return Files{Read: read, Glob: filepath.Glob} }

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
