package sysfs_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bondctl/bondctl/sysfs"
)

func TestDevices(t *testing.T) {
	got, err := sysfs.New(fixture).Devices()
	if err != nil {
		t.Fatalf("list devices: %v", err)
	}

	// All but bonding_masters, which is a file.
	want := []string{
		"bond0", "bond1", "bond2", "bond3", "br0", "dummy0", "eth0", "eth1", "lo", "tun4", "usb0",
		"v6t", "veth0", "veth2", "veth3", "veth4", "veth6", "veth8", "veth9", "wlan0", "wlan1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("devices (-want +got):\n%s", diff)
	}
}

func TestDevicesWithoutSysfs(t *testing.T) {
	if _, err := sysfs.New("testdata/nowhere").Devices(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("list devices: got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestDevice(t *testing.T) {
	tests := []struct {
		name string
		want sysfs.Device
	}{
		{
			name: "pci nic",
			want: sysfs.Device{
				Name: "eth0", Ifindex: 7, Address: mac(t, "52:54:00:12:34:57"), MTU: 1500,
				OperState: "up", Type: 1, Flags: 0x1003,
				Carrier: new(true), Speed: new(1000), Duplex: "full",
				Driver: "e1000e", Bus: "pci", Physical: true,
			},
		},
		{
			name: "virtual nic of unknown speed and duplex",
			want: sysfs.Device{
				Name: "eth1", Ifindex: 8, Address: mac(t, "52:54:00:12:34:56"), MTU: 1500,
				OperState: "up", Type: 1, Flags: 0x1003,
				Carrier: new(true), Driver: "virtio_net", Bus: "virtio", Physical: true,
			},
		},
		{
			name: "usb nic of unknown speed",
			want: sysfs.Device{
				Name: "usb0", Ifindex: 11, Address: mac(t, "52:54:00:12:34:58"), MTU: 1500,
				OperState: "unknown", Type: 1, Flags: 0x1003,
				Carrier: new(true), Duplex: "half", Driver: "cdc_ether", Bus: "usb", Physical: true,
			},
		},
		{
			name: "wifi that is up",
			want: sysfs.Device{
				Name: "wlan0", Ifindex: 4, Address: mac(t, "02:00:00:00:00:00"), MTU: 1500,
				OperState: "down", Type: 1, Flags: 0x1003,
				Carrier: new(false), Driver: "mac80211_hwsim", Bus: "mac80211_hwsim", Physical: true,
				DevType: "wlan", Wireless: true,
			},
		},
		{
			name: "wifi that is down has no carrier to tell",
			want: sysfs.Device{
				Name: "wlan1", Ifindex: 5, Address: mac(t, "02:00:00:00:01:00"), MTU: 1500,
				OperState: "down", Type: 1, Flags: 0x1002,
				Driver: "mac80211_hwsim", Bus: "mac80211_hwsim", Physical: true,
				DevType: "wlan", Wireless: true,
			},
		},
		{
			name: "slave of a bond",
			want: sysfs.Device{
				Name: "veth2", Ifindex: 15, Address: mac(t, "4a:dc:d2:23:1c:90"), MTU: 1500,
				OperState: "up", Type: 1, Flags: 0x1803,
				Carrier: new(true), Speed: new(10000), Duplex: "full", Master: "bond1",
			},
		},
		{
			name: "port of a bridge",
			want: sysfs.Device{
				Name: "veth9", Ifindex: 23, Address: mac(t, "72:45:1f:2c:56:e4"), MTU: 1500,
				OperState: "up", Type: 1, Flags: 0x1303,
				Carrier: new(true), Speed: new(10000), Duplex: "full", Master: "br0",
			},
		},
		{
			name: "free veth",
			want: sysfs.Device{
				Name: "veth8", Ifindex: 24, Address: mac(t, "a6:70:d2:81:04:b9"), MTU: 1500,
				OperState: "up", Type: 1, Flags: 0x1003,
				Carrier: new(true), Speed: new(10000), Duplex: "full",
			},
		},
		{
			name: "bond that is down",
			want: sysfs.Device{
				Name: "bond0", Ifindex: 2, Address: mac(t, "b6:54:94:99:53:ad"), MTU: 1500,
				OperState: "down", Type: 1, Flags: 0x1402, DevType: "bond",
			},
		},
		{
			name: "loopback",
			want: sysfs.Device{
				Name: "lo", Ifindex: 1, Address: mac(t, "00:00:00:00:00:00"), MTU: 65536,
				OperState: "down", Type: 772, Flags: 0x8,
			},
		},
		{
			name: "tunnel with an address of 4 bytes",
			want: sysfs.Device{
				Name: "tun4", Ifindex: 26, Address: net.HardwareAddr{192, 0, 2, 9}, MTU: 1480,
				OperState: "down", Type: 768, Flags: 0x90,
			},
		},
		{
			name: "tunnel with an address of 16 bytes",
			want: sysfs.Device{
				Name: "v6t", Ifindex: 27, Address: net.HardwareAddr(net.ParseIP("2001:db8::1")), MTU: 1452,
				OperState: "down", Type: 769, Flags: 0x90,
			},
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sysfs.New(fixture).Device(tt.want.Name)
			if err != nil {
				t.Fatalf("read device: %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("device (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeviceWireless(t *testing.T) {
	f := tree(t, map[string]string{
		"old/wireless/link": "0\n",
		"old/ifindex":       "3\n",
		"new/uevent":        "DEVTYPE=wlan\nINTERFACE=new\nIFINDEX=4\n",
		"new/ifindex":       "4\n",
		"cable/uevent":      "INTERFACE=cable\nIFINDEX=5\n",
		"cable/ifindex":     "5\n",
	})

	for name, want := range map[string]bool{"old": true, "new": true, "cable": false} {
		t.Run(name, func(t *testing.T) {
			got, err := f.Device(name)
			if err != nil {
				t.Fatalf("read device: %v", err)
			}
			if got.Wireless != want {
				t.Errorf("wireless: got %v, want %v", got.Wireless, want)
			}
		})
	}
}

func TestDeviceThroughLinks(t *testing.T) {
	// The layout of a real sysfs, that of the fixtures being flat.
	root := t.TempDir()
	dev := filepath.Join(root, "devices/pci0/nic/net/eth0")
	for _, dir := range []string{dev + "/statistics", root + "/class/net", root + "/bus/pci/drivers/e1000e"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		root + "/class/net/eth0":             "../../devices/pci0/nic/net/eth0",
		dev + "/device":                      "../..",
		root + "/devices/pci0/nic/driver":    "../../../bus/pci/drivers/e1000e",
		root + "/devices/pci0/nic/subsystem": "../../../bus/pci",
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dev+"/ifindex", []byte("2\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	got, err := sysfs.New(root).Device("eth0")
	if err != nil {
		t.Fatalf("read device: %v", err)
	}
	want := sysfs.Device{Name: "eth0", Ifindex: 2, Driver: "e1000e", Bus: "pci", Physical: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("device (-want +got):\n%s", diff)
	}
}

func TestDeviceErrors(t *testing.T) {
	f := tree(t, map[string]string{
		"renamed/uevent":  "INTERFACE=eth7\nIFINDEX=3\n",
		"renamed/ifindex": "3\n",
		"leaving/mtu":     "1500\n",
		"odd/address":     "02:00:zz:00:00:00\n",
		"odd/ifindex":     "5\n",
	})

	tests := []struct {
		name     string
		device   string
		notExist bool
		contains string
	}{
		{name: "no such device", device: "eth9", notExist: true},
		{name: "got another name meanwhile", device: "renamed", notExist: true, contains: `now called "eth7"`},
		{name: "being unregistered", device: "leaving", notExist: true},
		{name: "address that is none", device: "odd", contains: `odd/address: no hardware address: "02:00:zz:00:00:00"`},
		{name: "name that is too long", device: "interface0000016", contains: "longer than 15 bytes"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.Device(tt.device)
			if err == nil {
				t.Fatal("no error")
			}
			if is := errors.Is(err, fs.ErrNotExist); is != tt.notExist {
				t.Errorf("fs.ErrNotExist: got %v, want %v: %v", is, tt.notExist, err)
			}
			if !strings.Contains(err.Error(), tt.contains) {
				t.Errorf("error: got %q, want it to contain %q", err, tt.contains)
			}
		})
	}
}

func TestRFKill(t *testing.T) {
	f := tree(t, map[string]string{
		"soft/phy80211/rfkill2/soft": "1\n",
		"soft/phy80211/rfkill2/hard": "0\n",
		"hard/phy80211/rfkill0/soft": "1\n",
		"hard/phy80211/rfkill0/hard": "1\n",
		"free/phy80211/rfkill1/soft": "0\n",
		"free/phy80211/rfkill1/hard": "0\n",
		"wire/flags":                 "0x1003\n",
	})

	for name, want := range map[string]string{"soft": "soft", "hard": "hard", "free": "", "wire": "", "gone": ""} {
		t.Run(name, func(t *testing.T) {
			got, err := f.RFKill(name)
			if err != nil {
				t.Fatalf("read rfkill: %v", err)
			}
			if got != want {
				t.Errorf("rfkill: got %q, want %q", got, want)
			}
		})
	}
}
