package ifupdown

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const maxFile = 1 << 20 // bytes

// OnDisk are the files of this machine: regular ones, of a megabyte at most.
func OnDisk() Files { return Files{Read: read, Glob: filepath.Glob} }

func read(path string) ([]byte, error) {
	// A FIFO would be waited for.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("read %s: it is longer than %d bytes", path, maxFile)
	}
	return text, err
}
