package sysfs

import (
	"errors"
	"syscall"
)

// normal are the errors that opening or reading an attribute may meet on a
// healthy system. Each means that there is no value, and none is worth a word to
// the user. All others (permissions, too many open files) are reported.
var normal = map[syscall.Errno]string{
	syscall.ENOENT:     "this kernel has no such attribute, or the device is gone",
	syscall.ENODEV:     "the device went away between open and read",
	syscall.ENXIO:      "the device went away between open and read (some drivers)",
	syscall.ENOTDIR:    "the name is that of a file of the class: bonding_masters",
	syscall.EINVAL:     "carrier, speed and duplex of a device that is down or has none; any attribute while its device is being unregistered",
	syscall.EOPNOTSUPP: "the driver doesn't implement the attribute",
	syscall.ENODATA:    "the driver has no value yet",
	syscall.EIO:        "the hardware no longer answers: a USB device just unplugged",
}

// absent reports whether err is one of the normal errors.
func absent(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	_, ok = normal[errno]

	return ok
}
