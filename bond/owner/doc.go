// Package owner knows who else manages a link, and has them hand it over and take it back.
//
// # DHCP clients
//
// A DHCP client that goes on running on an interface which has become a member would one day
// take the interface's address off, or give it back to its server. [Find] finds the clients
// that hold some interfaces, in the calling thread's network namespace: dhclient (ISC), dhcpcd
// and udhcpc (busybox). It reads their names and arguments in /proc, their lease files and
// their configurations. It changes nothing, and who isn't root learns less.
//
// A [Client] is stopped in a way that leaves everything as it is: nothing is sent to the
// server, and the interface keeps the address. Somebody else goes on with the lease, as who
// the client was to servers ([Link]). Later it is started again, as it was started then.
//
// Before one is stopped it is written down in a [Ledger], so that it is started again
// whatever happens in between, and once.
//
//	found, err := owner.Find([]string{"eth0", "wlan0"})
//	...                            // none has an Obstacle
//	err = ledger.Add(found)        // under the bond's apply lock
//	err = found[0].Stop(ctx)
//	...
//	started, err := ledger.GiveBack(ctx, nil) // no slave is left
//
// What it can't do: dhcpcd overwrites its arguments with a title, so it is started again
// with what the title says, its interfaces and families, and the rest is lost. A client of a
// service is left to that service ([Client.Obstacle]).
package owner
