// Package doctor finds what keeps a bond from working on this machine, and the command that
// mends it.
//
// It works in two halves. A [Gatherer] reads: the kernel, sysfs, /proc, and files of the other
// programs that have a say in networks. What it has read are [Facts], and what it couldn't read
// it notes as unknown. [Facts.Examine] is a pure function: it holds each of the named checks
// against the facts. What isn't known makes no check speak.
//
//	facts := doctor.Gatherer{Host: host, Root: "/", Name: "bond0", Config: config}.Gather(ctx)
//	report := facts.Examine()
//	for _, f := range report.Findings { ... } // the worst first
//
// It changes nothing, and needs no privilege, but who has none learns less. The only programs
// that it runs are those that list packet filters: nft, iptables-save and ip6tables-save.
package doctor
