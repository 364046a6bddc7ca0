// Package resolve hands the DNS servers and search domains of a bond to whoever
// answers for names on this machine, and takes them back.
//
// # The model
//
// [Resolver.Set] gives them to the first of these that there is, and says to
// whom; [Resolver.Clear] takes them back, in another process too:
//
//   - systemd-resolved, if it runs. It gets the servers as those of the link, the
//     search domains, and the word that queries for all other names go there too.
//     What it knows of a link dies with the link.
//   - resolvconf, if it is installed, Debian's or openresolv: a record by the name
//     bond0.bondctl.
//   - resolv.conf itself (resolv.conf(5)), replaced as a whole. The original is
//     kept, and put back when the last bond has no settings any more.
//
// A resolver belongs to the machine, and so does /etc/resolv.conf: in a network
// namespace other than the first, Set isn't to be called.
//
// # Whose resolv.conf
//
// One that is a link, a mount point or no regular file has another keeper, who
// would lose or overwrite what is written there: it is left alone, and Set says
// so. A mount point can't be replaced, only be overwritten in place, and a
// machine that stops in the middle of that is left with half of a file.
//
// One that is neither what bondctl wrote nor the original was changed by somebody
// else. It is left alone too, by Set as by Clear, for two that write to one file
// never come to an end. Two things end this: Clear forgets it all, and after a
// reboot what is there counts as the original, for it is how the boot left it.
//
// Nor is a link given servers that systemd-networkd configures: resolved has them
// from there and refuses others. The outcome is Nobody again, and a note.
//
// Where resolved runs but resolv.conf isn't its own, programs that read the file
// don't ask it. It gets the settings all the same, for it is the machine's choice
// and others (nss-resolve) do ask it; Set says so.
//
// # Across reboots
//
// resolved and resolvconf forget when the machine goes down, and resolv.conf
// doesn't. So Clear is to be called then, too: a bond that comes back at the next
// boot has its servers written anew, and one that doesn't would leave behind those
// of a network that may be far.
//
// After a power cut they are still there. A boot mends that by itself where
// something other writes resolv.conf, as dhclient and NetworkManager do with each
// lease, and that stays. For all the rest [Resolver.Recover] puts the original
// back, so whatever of bondctl runs first with privileges is to call it. With
// nothing of bondctl ever run again, the first lines of the file say how to get
// the original back.
//
// # What is written there
//
// The bond is the machine's one way to the network, so its servers are the only
// ones: those of before belong to the network of before, might not be reachable,
// and might answer differently. The search list is the bond's or, if it has
// none, the original's. Options and sortlist stay, but for trust-ad, which was
// said of the original's servers. With several bonds their servers take turns,
// so that each is heard among the three that count (MAXNS).
//
// # What is trusted
//
// Nothing that came over the network: a server is an address that a host can
// have, a domain a host name as in RFC 1123. What isn't is left out, and Set
// says so.
package resolve
