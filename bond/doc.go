// Package bond makes, keeps and describes active-backup bonds (Linux's bonding
// driver, Documentation/networking/bonding.rst).
//
// # The model
//
// A [Config] is what is wanted of a bond: its options, its members and its
// addresses. It is complete: an option that it doesn't name is at its default. A
// member is an interface that is wanted in the bond, present or not; a slave is what
// the kernel reports enslaved.
//
// A [State] is what the kernel has: the bond, every link, and what they carry.
// [NewPlan] compares the two and gives the steps from one to the other. It is a pure
// function, and for a bond that is as wanted there are no steps.
//
// An [Image] is how things were before they were changed. [NewRestore] compares it
// with a State and gives the steps back. There is no other way back: a change that
// fails, a bond that is taken down, and what a crash left all go by it.
//
// A [Host] is the network namespace to which this is done. [Host.Reconcile] observes,
// plans and applies, and looks again until nothing is left to do; [Host.Down] takes
// the bond away. [Host.Status], [Host.Changes] and [Host.History] tell how it fares.
// The examples show a program that makes a bond, one that reads a file, and one that
// watches.
//
// What members carry when they join, such as the address by which somebody is logged in,
// the bond takes over ([Plan.Takes], [Config.Inherited]): it has that before they join, so
// that no connection notices, and they get it back when they leave. [How.Begin] and
// [How.Verify] let a program have that guarded and checked ([Host.BeginTrial]).
//
// # What it promises
//
// The kernel is the truth: nothing is believed from memory that can be read, and
// what holds is never applied again. The active slave is never part of what is
// wanted.
//
// A missing member is normal: it is pending, and joins when Reconcile finds it.
//
// It undoes: a step that the kernel refuses has all earlier ones taken back, and the
// error ([*StepError]) carries the kernel's own explanation. The journal, an Image,
// is written before the first change, so that Down gives everything back even after
// a crash.
//
// Messages name the keys of a configuration. A program whose users know them by
// other names, such as those of flags, has [Message.Naming].
//
// The package logs nothing, prints nothing and starts no process.
//
// # What is for a keeper
//
// Package keeper keeps a bond as it is wanted while hardware and networks come and
// go. It alone needs [Host.ReconcileRecorded], [Host.Renumber], [How.Refusals] and
// [Plan.Associations]. [Host.StateDir] is for it and for package owner, which knows the
// DHCP clients that were stopped.
package bond
