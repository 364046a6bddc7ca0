// Package bond makes, keeps and describes active-backup bonds (Linux's bonding
// driver, Documentation/networking/bonding.rst).
//
// # The model
//
// A [Config] says what is wanted of a bond: its options, its members and its
// addresses. A member is an interface that is wanted in the bond, present or
// not; a slave is what the kernel reports enslaved. A [State] says what the
// kernel has. [NewPlan] compares the two and gives the steps from one to the
// other; it is a pure function, and a bond that is as wanted gives no steps.
// [Host.Reconcile] looks, plans and carries out, and looks again until nothing
// is left to do. What is wanted is complete each time: an option that isn't
// named is at its default.
//
//	config := bond.Config{
//		Name: "bond0", Primary: "eth0",
//		Members: []bond.Member{{Name: "eth0"}, {Name: "wlan0"}},
//	}
//	err := config.Check()
//	...
//	host, err := bond.Open()
//	...
//	plan, err := host.Reconcile(ctx, config)
//
// # What it promises
//
// The kernel is the truth: nothing is believed from memory that can be read,
// and what holds is never applied again. The active slave is never part of what
// is wanted.
//
// A missing member is normal: it is pending, and joins when Reconcile finds it.
//
// It undoes: a step that the kernel refuses takes all earlier ones back, and
// the error ([*StepError]) carries the kernel's own explanation. What was found
// is journalled below /run/bondctl before the first change, so that [Host.Down]
// gives every member back even after a crash.
//
// The package logs nothing, prints nothing and starts no process.
package bond
