// Package hook runs executables after events of a bond: those in a folder, such
// as /etc/bondctl/hooks.d, in the order of their names, one after another, and
// one event after another.
//
// They run as root, so what runs is root's alone to say. The folder, each one
// above it and the executable must be owned by root and writable by nobody
// else, and none may be a symbolic link. Each is looked at by a handle on it,
// which is the one that is gone on with: what is run is what was looked at,
// whatever its name has come to mean since. What isn't safe is left out, and the
// log says why and which command mends it, once. Access control lists aren't
// looked at. Nor is what can't be meant: hidden files, names with anything but
// A-Z a-z 0-9 _ . -, and what editors and package managers leave behind.
//
// A hook is run without a shell, with the event in its environment:
//
//	BONDCTL_EVENT      failover, join, leave, link_up, link_down, roam, lease, connections, path_dead,
//	                   path_ok, trouble or mended
//	BONDCTL_BOND       the bond's name
//	BONDCTL_FROM       the slave or address before, or what left, has no link, or is in trouble
//	BONDCTL_TO         the slave or address after, or what joined, has a link, or is mended
//	BONDCTL_REASON     of a failover: primary, prio, only_link, manual, path, held, unknown
//	BONDCTL_MESSAGE    in words what these can't say
//	BONDCTL_SWITCH_MS  of a failover: from the first sign to the switch, in milliseconds;
//	                   of a roam: how long the link was lost
//	BONDCTL_TIME       when (RFC 3339)
//	BONDCTL_SEQ        the event's number in the bond's history
//	BONDCTL_COUNT      how often it happened: 1, unless it happens again and again
//
// What happens more than three times in half a minute is told three times at once,
// and then as one event, once it hasn't happened for ten seconds or has gone on for a
// minute, and then for two, and so on. BONDCTL_TIME is when it happened last.
//
// What is unknown is empty; control characters, and what isn't UTF-8, are
// escaped as in C. Beside these there are PATH (/usr/sbin:/usr/bin:/sbin:/bin)
// and LANG (C), and nothing else. The working directory is /, the umask 022,
// standard input is empty; the first 8 KiB of output go to the log. Descriptor 3
// is the hook itself, for the interpreter of a script: $0 is /proc/self/fd/3.
//
// A hook has 10 seconds. Then it gets a SIGTERM and, 2 seconds later, a SIGKILL,
// with all of its process group; so does one that runs when the keeper ends,
// for nothing that a keeper started is left without somebody who watches it.
// What a hook leaves in the background ends with it, unless it has a session of
// its own. Nobody waits for hooks: if they fall behind by more than 64 events,
// the oldest are dropped, and the log says so.
package hook
