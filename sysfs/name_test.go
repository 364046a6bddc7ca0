package sysfs_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/sysfs"
)

func TestCheckName(t *testing.T) {
	tests := []struct {
		name   string
		ifname string
		reason string // "" for a good one
	}{
		{name: "usual", ifname: "eth0"},
		{name: "longest", ifname: "enx001122334455"},
		{name: "punctuation", ifname: "a.b-c_d@e+f"},
		{name: "more than ascii", ifname: "netz\u00fc"},
		{name: "no utf-8", ifname: "eth\xff"},
		{name: "white only to unicode", ifname: "a\u2003b"},
		{name: "control character", ifname: "eth\x1b0"},

		{name: "empty", ifname: "", reason: "empty"},
		{name: "dot", ifname: ".", reason: "a directory"},
		{name: "dots", ifname: "..", reason: "a directory"},
		{name: "too long", ifname: "enx0011223344556", reason: "longer than 15 bytes"},
		{name: "slash", ifname: "../lo", reason: "contains a slash, a colon or a zero byte"},
		{name: "alias", ifname: "eth0:1", reason: "contains a slash, a colon or a zero byte"},
		{name: "zero byte", ifname: "eth0\x00", reason: "contains a slash, a colon or a zero byte"},
		{name: "blank", ifname: "eth 0", reason: "contains white space"},
		{name: "newline", ifname: "eth0\n", reason: "contains white space"},
		{name: "white to the kernel alone", ifname: "netz\u00e0", reason: "contains white space"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := sysfs.CheckName(tt.ifname)

			reason := ""
			if e, ok := errors.AsType[*sysfs.NameError](err); ok {
				reason = e.Reason
			}
			if diff := cmp.Diff(tt.reason, reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzNames has every call refuse the names that CheckName refuses, and none
// leave class/net, whose parent holds a device to be found by those that do.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"bond1", "veth0", "", ".", "..", "../net/bond1", "bond1/", "bond1\x00", "bonding_masters"} {
		f.Add(name)
	}

	root := sysfs.New(fixture)
	devices, err := root.Devices()
	if err != nil {
		f.Fatal(err)
	}
	known := make(map[string]bool)
	for _, name := range devices {
		known[name] = true
	}

	f.Fuzz(func(t *testing.T, name string) {
		_, bondErr := root.Bond(name)
		_, slaveErr := root.Slave(name)
		_, devErr := root.Device(name)

		for _, err := range []error{bondErr, slaveErr, devErr} {
			_, refused := errors.AsType[*sysfs.NameError](err)
			if refused != (sysfs.CheckName(name) != nil) {
				t.Errorf("%q: refused %v: %v", name, refused, err)
			}
			if !refused && !known[name] && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: found something: %v", name, err)
			}
		}
	})
}
