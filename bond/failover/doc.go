// Package failover makes another slave of an active-backup bond the active one as soon
// as the active slave loses its carrier.
//
// The bonding driver looks at carriers once every miimon. The kernel tells of a lost
// carrier of a slave at once (linkwatch treats the ports of a bond as urgent), so who
// listens can be faster than the driver. [Failover.Run] listens on a thread of its own
// and, on the loss, makes that slave active which the driver would choose
// (bond_find_best_slave of drivers/net/bonding/bond_main.c): the primary, else the one
// with the greatest prio, else the first that was enslaved, of those that are up.
//
// # The driver stays in charge
//
// Nothing of the bond is configured otherwise, and the driver goes on to look: what is
// not done here it does within miimon. Here only these things are done:
//
//   - A slave that lost its carrier is left. If the driver refuses the choice, it is left
//     alone to make its own.
//   - A loss that was shorter than miimon the driver may never have seen: for it the slave
//     was up all the time, so it never returns to it. The return is made here, after
//     updelay, and only where the driver would return (primary_reselect). If the driver saw the loss,
//     the return is its own.
//
// Under ARP monitoring the carrier isn't what counts, and a downdelay says that a short
// loss is to be sat out: in both cases all is left to the driver.
//
// # Dead paths
//
// Whoever watches the paths behind the slaves' links says which are dead ([Failover.Avoid]). Such slaves
// are passed over as long as there is another.
//
// # Damping
//
// A slave that comes and goes is left at once each time, but returned to ever later: each
// loss counts 1000, which halves every 15 s. Above 1500 it isn't returned to until that has fallen
// below 750 (compare RFC 2439, of routes).
package failover
