package sysfs

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A fake is a source that fails as told, and has everything else from a real
// directory.
type fake struct {
	source
	errs  map[string]error
	asked []string // in order
}

func (f *fake) read(name string) ([]byte, error) {
	f.asked = append(f.asked, name)
	if err, ok := f.errs[name]; ok {
		return nil, err
	}

	return f.source.read(name)
}

// openFake opens a directory below the class/net of the fixtures.
func openFake(t *testing.T, path string, errs map[string]error) *fake {
	t.Helper()

	d, err := openDir("testdata/linux-6.1/class/net/" + path)
	if err != nil {
		t.Fatalf("open fixture: %v", err)
	}
	t.Cleanup(d.close)

	return &fake{source: d, errs: errs}
}

// The errors that are normal leave a file without a value, or take the whole
// record with them when they meet the file that is removed first. All others are
// reported.
func TestErrors(t *testing.T) {
	type outcome struct {
		file   string // after an optional file failed
		record string // after the last file failed
	}
	const (
		none = "no value"
		gone = "not exist"
	)

	tests := []struct {
		name string
		err  error
		want outcome
	}{
		{"no such file", syscall.ENOENT, outcome{none, gone}},
		{"no such device", syscall.ENODEV, outcome{none, gone}},
		{"no such device or address", syscall.ENXIO, outcome{none, gone}},
		{"not a directory", syscall.ENOTDIR, outcome{none, gone}},
		{"down or unregistered", syscall.EINVAL, outcome{none, gone}},
		{"not implemented", syscall.EOPNOTSUPP, outcome{none, gone}},
		{"no data", syscall.ENODATA, outcome{none, gone}},
		{"hardware does not answer", syscall.EIO, outcome{none, gone}},

		{"no permission", syscall.EACCES, outcome{"permission denied", "permission denied"}},
		{"out of descriptors", syscall.EMFILE, outcome{"too many open files", "too many open files"}},
		{"out of memory", syscall.ENOMEM, outcome{"cannot allocate memory", "cannot allocate memory"}},
	}

	classify := func(err error) string {
		switch {
		case err == nil:
			return none
		case errors.Is(err, fs.ErrNotExist):
			return gone
		}

		return errors.Unwrap(err).Error()
	}

	// One optional file and the last one of each kind of record.
	records := []struct {
		name           string
		dir            string
		optional, last string
		read           func(*fields) error
	}{
		{"bond", "bond1/bonding", "miimon", "slaves", func(f *fields) error { _, err := readBond(f); return err }},
		{"slave", "veth0/bonding_slave", "perm_hwaddr", "state", func(f *fields) error { _, err := readSlave(f); return err }},
		{"device", "eth0", "speed", "ifindex", func(f *fields) error { return (&Device{Name: "eth0"}).readFields(f) }},
	}

	for _, r := range records {
		for _, tt := range tests {
			t.Run(r.name+"/"+tt.name, func(t *testing.T) {
				provoke := func(name string) string {
					src := openFake(t, r.dir, map[string]error{name: tt.err})
					return classify(r.read(&fields{src: src, path: r.dir}))
				}

				got := outcome{file: provoke(r.optional), record: provoke(r.last)}
				if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(outcome{})); diff != "" {
					t.Errorf("outcome (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestMissingValues(t *testing.T) {
	src := openFake(t, "eth0", map[string]error{
		"carrier": syscall.EINVAL,
		"speed":   syscall.EOPNOTSUPP,
		"duplex":  syscall.EIO,
		"address": syscall.ENOENT,
	})

	got := Device{Name: "eth0"}
	if err := got.readFields(&fields{src: src}); err != nil {
		t.Fatalf("read fields: %v", err)
	}
	want := Device{Name: "eth0", Ifindex: 7, MTU: 1500, OperState: "up", Type: 1, Flags: 0x1003}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("device (-want +got):\n%s", diff)
	}
}

func TestFirstErrorIsKept(t *testing.T) {
	src := openFake(t, "bond1/bonding", map[string]error{
		"miimon": syscall.EACCES,
		"slaves": syscall.EMFILE,
	})

	_, err := readBond(&fields{src: src, path: "bonding"})
	if !errors.Is(err, syscall.EACCES) {
		t.Errorf("read bond: got %v, want %v", err, syscall.EACCES)
	}
}

// A file that says nonsense because its device is vanishing is no error of its
// own.
func TestGoneOutweighsNonsense(t *testing.T) {
	src := openFake(t, "bond1/bonding", map[string]error{
		"miimon": syscall.EACCES,
		"slaves": syscall.ENOENT,
	})

	_, err := readBond(&fields{src: src, path: "bonding"})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read bond: got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestEveryFileIsRead fails when the kernel of the fixtures shows something that
// has no field.
func TestEveryFileIsRead(t *testing.T) {
	records := map[string]func(*fields) error{
		"bond3/bonding":       func(f *fields) error { _, err := readBond(f); return err },
		"veth6/bonding_slave": func(f *fields) error { _, err := readSlave(f); return err },
	}

	for dir, read := range records {
		t.Run(dir, func(t *testing.T) {
			src := openFake(t, dir, nil)
			if err := read(&fields{src: src}); err != nil {
				t.Fatalf("read: %v", err)
			}

			entries, err := os.ReadDir("testdata/linux-6.1/class/net/" + dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !slices.Contains(src.asked, e.Name()) {
					t.Errorf("%s is not read", e.Name())
				}
			}
		})
	}
}
