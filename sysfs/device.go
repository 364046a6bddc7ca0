package sysfs

import (
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
)

// A Device is what class/net/NAME shows of any network device.
type Device struct {
	// Name is the interface's name, as asked for.
	Name string
	// Ifindex is ifindex: the number that names the device until it is
	// removed, whatever it is renamed to. It isn't used again soon.
	Ifindex int
	// Address is address: the MAC in use, of another length on tunnels. Nil
	// for devices without link-layer addresses.
	Address net.HardwareAddr
	// MTU is mtu, in bytes.
	MTU int
	// OperState is operstate: "up", "down", "dormant" (Wi-Fi before its
	// handshake is through), "lowerlayerdown", "unknown" (most virtual ones)...
	OperState string
	// Type is type, one of the ARPHRD_ constants: 1 for Ethernet and Wi-Fi, 772
	// for loopback.
	Type int
	// Flags is flags: the IFF_ constants of netdevice(7), in the low 16 bits.
	Flags uint32

	// Carrier is carrier: whether there is a link. Nil while the device is
	// down, for the kernel doesn't say.
	Carrier *bool
	// Speed is speed, in Mb/s. Nil while unknown: the device is down or has
	// none (Wi-Fi, many USB docks).
	Speed *int
	// Duplex is duplex: "full" or "half", "" while unknown.
	Duplex string

	// Driver is the name that the link device/driver ends in: "e1000e",
	// "cdc_ether". Empty for virtual devices.
	Driver string
	// Bus is the name that the link device/subsystem ends in: "pci", "usb",
	// "virtio". Empty for virtual devices.
	Bus string
	// Physical is whether there is a device link, to a piece of hardware or
	// to what a driver passes off as one.
	Physical bool
	// DevType is DEVTYPE in uevent: "wlan", "bond", "bridge", "vlan"... Empty
	// for plain Ethernet, for veth and for some others.
	DevType string
	// Wireless is whether this is Wi-Fi: DevType is "wlan", or there is a
	// phy80211 or a wireless (older drivers) in the directory.
	Wireless bool
	// Master is the name that the link master ends in: the bond or the bridge
	// that has this device, "" for none.
	Master string
}

// Device reads class/net/NAME. The error is fs.ErrNotExist when there is no such
// device, or when it vanished or got another name meanwhile, and a *NameError
// when no device can be called so.
func (f FS) Device(name string) (Device, error) {
	d, err := f.open(name, "")
	if err != nil {
		return Device{}, fmt.Errorf("read device %s: %w", name, err)
	}
	defer d.close()

	dev := readLinks(f.path(name))
	dev.Name = name
	if err := dev.readFields(&fields{src: d, path: f.path(name)}); err != nil {
		return Device{}, fmt.Errorf("read device %s: %w", name, err)
	}

	return dev, nil
}

// readLinks reads what the links in the directory at path tell. It goes by the
// path; that the path still means the same device is checked by readFields.
func readLinks(path string) Device {
	d := Device{
		Master:   linkBase(path + "/master"),
		Physical: exists(path + "/device"),
		Wireless: exists(path+"/phy80211") || exists(path+"/wireless"),
	}
	if d.Physical {
		d.Driver = linkBase(path + "/device/driver")
		d.Bus = linkBase(path + "/device/subsystem")
	}

	return d
}

// readFields reads the files of the directory into d, whose Name and links are
// known.
func (d *Device) readFields(f *fields) error {
	d.Address = f.hwAddr("address")
	d.MTU = value(f, "mtu", parseInt)
	d.OperState = value(f, "operstate", parseWord)
	d.Type = value(f, "type", parseInt)
	d.Flags = value(f, "flags", parseFlags)
	d.Carrier = optional(f, "carrier", parseBool)
	d.Speed = value(f, "speed", parseSpeed)
	d.Duplex = value(f, "duplex", parseDuplex)

	u := value(f, "uevent", parseUevent)
	d.DevType = u.devType
	d.Wireless = d.Wireless || u.devType == "wlan"

	// The kernel refuses ifindex from the moment on that it unregisters the
	// device, well before it removes anything.
	b := f.last("ifindex")
	if f.err != nil {
		return f.err
	}
	if u.name != "" && u.name != d.Name {
		return fmt.Errorf("now called %q: %w", u.name, fs.ErrNotExist)
	}

	var err error
	d.Ifindex, err = parseInt(b)

	return err
}

// linkBase returns the last part of the target of the link at path, or "" when
// there is no such link.
func linkBase(path string) string {
	var buf [256]byte
	n, err := syscall.Readlink(path, buf[:])
	if err != nil || n == 0 {
		return ""
	}

	return filepath.Base(string(buf[:n]))
}
