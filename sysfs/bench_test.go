package sysfs_test

import (
	"os"
	"testing"

	"github.com/bondctl/bondctl/sysfs"
)

func BenchmarkBond(b *testing.B) {
	f := sysfs.New(fixture)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Bond("bond1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSlave(b *testing.B) {
	f := sysfs.New(fixture)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Slave("veth0"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDevice(b *testing.B) {
	f := sysfs.New(fixture)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Device("eth0"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadFile reads the files of a bond, to compare, with os.ReadFile and
// without parsing them.
func BenchmarkReadFile(b *testing.B) {
	const dir = fixture + "/class/net/bond1/bonding/"
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}

	b.ReportAllocs()
	for b.Loop() {
		for _, e := range entries {
			if _, err := os.ReadFile(dir + e.Name()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
