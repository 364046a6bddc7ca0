package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const sshVariable = "SSH_CONNECTION"

// sshConnection is SSH_CONNECTION of this process or, as sudo(8) and su(1) don't hand it
// on, of the nearest process above it that has one; "" for none.
func sshConnection() string {
	if value := os.Getenv(sshVariable); value != "" {
		return value
	}
	return sshAbove("/proc", os.Getppid())
}

// sshAbove looks for SSH_CONNECTION in the environments of a process and those above it, in
// the folder proc. A process whose environment may not be read counts as one without.
func sshAbove(proc string, pid int) string {
	const limit = 32 // processes may change while they are read, but not go on for ever
	for range limit {
		if pid <= 1 {
			break
		}
		dir := filepath.Join(proc, strconv.Itoa(pid))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		for entry := range bytes.SplitSeq(environ, []byte{0}) {
			if value, ok := strings.CutPrefix(string(entry), sshVariable+"="); ok && value != "" {
				return value
			}
		}
		pid = parent(dir)
	}
	return ""
}

// parent is the process above one (proc(5), /proc/PID/stat); 0 where there is none.
func parent(dir string) int {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	_, after, ok := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	fields := strings.Fields(after)
	if err != nil || !ok || len(fields) < 2 {
		return 0
	}
	pid, _ := strconv.Atoi(fields[1])
	return pid
}

// sshOwn is this machine's address in SSH_CONNECTION. A link-local one doesn't count: the
// kernel makes it by itself, and on the bond it may be another one.
func sshOwn(value string) (netip.Addr, bool) {
	if _, ok := sshPeer(value); !ok {
		return netip.Addr{}, false
	}
	own := netip.MustParseAddr(strings.Fields(value)[2]).Unmap().WithZone("")
	return own, !own.IsLinkLocalUnicast()
}
