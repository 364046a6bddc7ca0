package doctor

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A reader reads files below a folder. Their paths are written without the first slash.
type reader struct{ root string }

const (
	// longest bounds a configuration file, and greatest a list of modules.
	longest  = 1 << 20
	greatest = 16 << 20
	// mostFiles bounds how many files of one folder are read.
	mostFiles = 512
)

func (r reader) path(name string) string { return filepath.Join(r.root, name) }

// text is a file's. One that is longer than anybody writes by hand is an error, and so is
// what is no file.
func (r reader) text(name string) (string, error) { return r.upTo(name, longest) }

func (r reader) upTo(name string, limit int64) (string, error) {
	// A FIFO would block it.
	file, err := os.OpenFile(r.path(name), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("read %s: no file", r.path(name))
	}
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("read %s: longer than %d bytes", r.path(name), limit)
	}
	return string(text), err
}

// line is a file's text without the space around it; "" where it can't be read.
func (r reader) line(name string) string {
	text, _ := r.text(name)
	return strings.TrimSpace(text)
}

// large is the text of a file that a program writes.
func (r reader) large(name string) string {
	text, _ := r.upTo(name, greatest)
	return text
}

func (r reader) exists(name string) bool {
	_, err := os.Lstat(r.path(name))
	return err == nil
}

// names are the names of what is in a folder, in order.
func (r reader) names(folder string) []string {
	dir, err := os.Open(r.path(folder))
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(mostFiles)
	slices.Sort(names)
	return names
}

// A file is one that was read.
type file struct{ path, text string }

// files reads the files that patterns of filepath.Match name. It tells the first error but
// that there is none.
func (r reader) files(patterns ...string) (all []file, err error) {
	for _, pattern := range patterns {
		paths, _ := filepath.Glob(r.path(pattern))
		for _, path := range paths[:min(len(paths), mostFiles)] {
			name, _ := filepath.Rel(r.root, path)
			text, errRead := r.text(name)
			if errRead != nil && !errors.Is(errRead, fs.ErrNotExist) && err == nil {
				err = errRead
			}
			if errRead == nil {
				all = append(all, file{"/" + name, text})
			}
		}
	}
	return all, err
}

// dropIns reads the files of folders that end in a suffix, as systemd and NetworkManager do:
// in the order of their names, and of two with one name that of the first folder alone.
func (r reader) dropIns(suffix string, folders ...string) (all []file, err error) {
	found := map[string]string{}
	var names []string
	for _, folder := range folders {
		for _, name := range r.names(folder) {
			if _, twice := found[name]; !twice && strings.HasSuffix(name, suffix) {
				found[name] = folder
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		path := found[name] + "/" + name
		text, errRead := r.text(path)
		if errRead != nil && err == nil {
			err = errRead
		}
		if errRead == nil {
			all = append(all, file{"/" + path, text})
		}
	}
	return all, err
}

// A setting is a line of a file in sections: [Match], and key=value.
type setting struct{ section, key, value string }

// parseSections reads such a file. Lines that are no settings are passed over, and so are
// comments, which stand on lines of their own.
func parseSections(text string) (all []setting) {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(name, "]") {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || line[0] == '#' || line[0] == ';' {
			continue
		}
		all = append(all, setting{section, strings.TrimSpace(key), strings.TrimSpace(value)})
	}
	return all
}

// number is the whole number that a file has; nil where it has none.
func (r reader) number(name string) *int {
	n, err := strconv.Atoi(r.line(name))
	if err != nil {
		return nil
	}
	return &n
}
