package netnstest

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// shareFolder is the part of the lab's folder into which the guest writes what is to come out.
const shareFolder = "share"

// testFlags are the flags that this test binary was given, as the guest will get them. Those that
// name an output point to the lab's folder, the only one that guest and host share for writing.
type testFlags struct {
	set  map[string]string
	rest []string

	files   map[string]string // from the lab's folder to where the host wants it
	folders map[string]string // the same, for what is in a folder
}

// testsPerProcessor is how many tests the guest runs at once for each of its processors, unless -parallel
// says so: most of the time a test of the network waits. Beside them is one that has the virtual machine itself, which
// waits longest.
const testsPerProcessor = 2

// outputFiles and outputFolders are the flags of package testing that name an output.
var (
	outputFiles = []string{
		"test.coverprofile", "test.cpuprofile", "test.memprofile", "test.blockprofile",
		"test.mutexprofile", "test.trace", "test.testlogfile",
	}
	outputFolders = []string{"test.outputdir", "test.gocoverdir"}
)

// shareFlags reads the flags, which must have been parsed, and redirects the outputs.
func (l *Lab) shareFlags() (*testFlags, error) {
	f := &testFlags{
		set:     make(map[string]string),
		rest:    flag.Args(),
		files:   make(map[string]string),
		folders: make(map[string]string),
	}
	f.set["test.parallel"] = strconv.Itoa(testsPerProcessor*guestProcessors() + 1)
	flag.Visit(func(fl *flag.Flag) { f.set[fl.Name] = fl.Value.String() })

	base := f.set["test.outputdir"]
	for _, name := range outputFiles {
		value := f.set[name]
		if value == "" {
			continue
		}
		// As in package testing: relative ones are in the output folder, but the test log's.
		if !filepath.IsAbs(value) && name != "test.testlogfile" {
			value = filepath.Join(base, value)
		}
		f.set[name] = filepath.Join(l.dir, shareFolder, name)
		f.files[f.set[name]] = value
	}
	for _, name := range outputFolders {
		if value := f.set[name]; value != "" {
			f.set[name] = filepath.Join(l.dir, shareFolder, name)
			f.folders[f.set[name]] = value
		}
	}
	for _, dir := range append([]string{filepath.Join(l.dir, shareFolder)}, keys(f.folders)...) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// timeout is -test.timeout, 0 without one.
func (f *testFlags) timeout() time.Duration {
	d, _ := time.ParseDuration(f.set["test.timeout"])
	return d
}

// collect moves what the guest wrote to where the host wants it.
func (f *testFlags) collect() error {
	for from, to := range f.files {
		err := copyFile(from, to)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for from, to := range f.folders {
		entries, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies the way that can't fail between file systems.
func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func keys(m map[string]string) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}
