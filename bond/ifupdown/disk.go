package ifupdown

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const maxFile = 1 << 20 // bytes

// OnDisk are the files of this machine: regular ones, of a megabyte at most.
func OnDisk() Files { return Files{Read: read, Glob: glob} }

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
