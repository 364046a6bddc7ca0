package sysfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/sysfs"
)

// A file of a device that comes and goes.
type file struct{ path, contents string }

// churned are files in the order in which the kernel makes and removes them; but
// it makes statistics last and doesn't remove it first.
var churned = []file{
	{"ifindex", "7\n"},
	{"address", "02:00:00:00:00:01\n"},
	{"mtu", "1500\n"},
	{"operstate", "up\n"},
	{"bonding/slaves", "eth0 eth1\n"},
	{"bonding/mode", "active-backup 1\n"},
	{"bonding/primary", "eth0\n"},
	{"bonding/miimon", "100\n"},
	{"bonding/fail_over_mac", "none 0\n"},
}

// TestVanish reads a bond that is made and removed all the time: it is there
// completely or not at all.
func TestVanish(t *testing.T) {
	f := tree(t, nil)
	dir := filepath.Join(f.Root(), "class/net/bond0")

	stop := make(chan struct{})
	stopped := make(chan error, 1)
	go func() { stopped <- churn(dir, stop) }()

	wantBond := sysfs.Bond{
		Name: "bond0", Mode: "active-backup", Slaves: []string{"eth0", "eth1"}, Primary: "eth0",
		Miimon: new(100), FailOverMAC: new("none"),
	}
	wantDevice := sysfs.Device{
		Name: "bond0", Ifindex: 7, Address: mac(t, "02:00:00:00:00:01"), MTU: 1500, OperState: "up",
	}

	var there, gone int
	check := func(err error, diff func() string) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			gone++
		case err != nil:
			t.Fatalf("read: %v", err)
		case diff() != "":
			t.Fatalf("half read (-want +got):\n%s", diff())
		default:
			there++
		}
	}

	const enough = 200
	deadline := time.Now().Add(30 * time.Second)
	for (there < enough || gone < enough) && time.Now().Before(deadline) {
		b, err := f.Bond("bond0")
		check(err, func() string { return cmp.Diff(wantBond, b, addrs) })
		d, err := f.Device("bond0")
		check(err, func() string { return cmp.Diff(wantDevice, d) })
		if _, err := f.Devices(); err != nil {
			t.Fatalf("list devices: %v", err)
		}
	}

	close(stop)
	if err := <-stopped; err != nil {
		t.Fatalf("make and remove the bond: %v", err)
	}
	if there < enough || gone < enough {
		t.Errorf("the race was hardly run: %d times there, %d gone", there, gone)
	}
}

// churn makes and removes the device at dir until told to stop.
func churn(dir string, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}

		if err := errors.Join(makeDevice(dir), removeDevice(dir)); err != nil {
			return err
		}
	}
}

func makeDevice(dir string) error {
	if err := os.MkdirAll(dir+"/bonding", 0o755); err != nil {
		return err
	}
	for _, f := range churned {
		if err := os.WriteFile(filepath.Join(dir, f.path), []byte(f.contents), 0o644); err != nil {
			return err
		}
	}

	return os.Mkdir(dir+"/statistics", 0o755)
}

func removeDevice(dir string) error {
	for _, f := range churned {
		if err := os.Remove(filepath.Join(dir, f.path)); err != nil {
			return err
		}
	}

	return os.RemoveAll(dir)
}
