// Package statefile is the one place for what programs keep in files: a file is
// written as a whole or not at all, a lock lets one process at a time do so, and
// what is written there of this boot or of a process can be told from another's.
//
// # Files
//
// [Write] and [WriteJSON] replace a file. Readers, who need no lock, see the old
// file or the new one. So does whoever comes after a crash or a power cut: the
// text and the name are on the disk before they return.
//
// Those who write to one file hold a lock meanwhile, [Lock] or [TryLock]. It is a
// file of its own, since the file itself is replaced. It stays for good: others
// may be waiting for it.
//
// # Boots and processes
//
// A file may outlive what it speaks of. [BootID] tells one boot from another, and
// [SinceBoot] is a clock that nobody sets. A [Process] is a process's identity,
// for its number alone is used again; a [Handle] holds one process.
package statefile
