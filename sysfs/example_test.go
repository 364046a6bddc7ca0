package sysfs_test

import (
	"fmt"

	"github.com/bondctl/bondctl/sysfs"
)

func Example() {
	// In a program this is sysfs.New("/sys").
	f := sysfs.New("testdata/linux-6.1")

	bond, err := f.Bond("bond1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, %s is active\n", bond.Mode, bond.ActiveSlave)

	for _, name := range bond.Slaves {
		slave, err := f.Slave(name)
		if err != nil {
			continue // it left the bond just now
		}
		fmt.Printf("%s: %s, link %s, lost %d times\n", name, slave.State, slave.MIIStatus, slave.LinkFailureCount)
	}

	// Output:
	// active-backup, veth2 is active
	// veth0: backup, link up, lost 1 times
	// veth2: active, link up, lost 0 times
}
