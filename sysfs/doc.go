// Package sysfs reads network devices, bonds and their slaves from sysfs, the
// file system in which Linux shows its devices: one directory a device below
// class/net, one small file an attribute. It only ever reads.
//
//	bond, err := sysfs.New("/sys").Bond("bond0")
//	if errors.Is(err, fs.ErrNotExist) {
//		// No such device, or one that is no bond.
//	}
//	fmt.Println(bond.Mode, bond.ActiveSlave)
//
// # What a value means
//
// The fields carry the names and the units of the kernel's files, and each says
// which file it comes from. A pointer is nil when the kernel has no such file
// (an older kernel, another mode), when the file is empty, or when the kernel
// refuses to say, as with the carrier of a device that is down. An empty string
// or a nil slice means that there is none. Where the kernel writes a word and
// its number ("active-backup 1") the word alone is kept.
//
// # Devices come and go
//
// A dock can be pulled between two reads, and another device take over its name.
// So each call here keeps the device's directory open, and every value comes from
// the same device. The kernel makes and removes the files one by one, in an order
// that is known: the one it makes last is looked at first, and the one it removes
// first is read last. With both there, whatever was missing in between is missing
// for a reason of its own. A device that vanishes half way is fs.ErrNotExist, as
// if it had never been there; it is never returned half read.
//
// # Namespaces
//
// A sysfs shows the network namespace of the process that mounted it, not of the
// one that reads it. This is why [New] takes the place where it is mounted. Some
// properties (a slave's prio, ns_ip6_target) the kernel shows over netlink
// alone; they aren't here.
package sysfs
