package sysfs_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/sysfs"
)

// fixture is the sysfs of a real kernel; see testdata/README.
const fixture = "testdata/linux-6.1"

// addrs compares addresses, whose fields are hidden.
var addrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func mac(t *testing.T, s string) net.HardwareAddr {
	t.Helper()

	addr, err := net.ParseMAC(s)
	if err != nil {
		t.Fatalf("parse hardware address: %v", err)
	}

	return addr
}

// tree makes a sysfs of its own out of paths below class/net and contents, with
// what every device has.
func tree(t *testing.T, files map[string]string) sysfs.FS {
	t.Helper()

	root := t.TempDir()
	write := func(path, contents string) {
		path = filepath.Join(root, "class/net", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(contents), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	write(".keep", "")
	for path, contents := range files {
		write(path, contents)
		if dir, _, ok := cutDevice(path); ok {
			write(dir+"/statistics/rx_bytes", "0\n")
		}
	}

	return sysfs.New(root)
}

// cutDevice splits NAME/FILE.
func cutDevice(path string) (name, file string, ok bool) {
	for i := range len(path) {
		if path[i] == '/' {
			return path[:i], path[i+1:], true
		}
	}

	return "", "", false
}
