package doctor

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A process is one of those that have a say in networks.
type process struct {
	pid  int
	name string // /proc/PID/comm
	args []string
	uid  int
}

// trusted says whether it is root's or this user's. Anybody can give a program a name.
func (p process) trusted() bool { return p.uid == 0 || p.uid == os.Geteuid() }

// known are the names of the processes that are looked at (TASK_COMM_LEN cuts them at 15).
var known = []string{
	"NetworkManager", "iwd", "wpa_supplicant", "dnsmasq", "hostapd", "chronyd", "avahi-daemon", "smbd", "keepalived", "dhcpd", "radvd",
}

// processes are the known ones of this network namespace.
func (r reader) processes() (all []process) {
	names, _ := os.ReadDir(r.path("proc"))
	for _, entry := range names {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		dir := "proc/" + entry.Name() + "/"
		p := process{pid: pid, name: r.line(dir + "comm")}
		if !slices.Contains(known, p.name) || !r.inThisNamespace(dir) {
			continue
		}
		cmdline, err := r.text(dir + "cmdline")
		info, errStat := os.Stat(r.path(dir))
		if err != nil || errStat != nil {
			continue // it has ended
		}
		p.args = strings.Split(strings.TrimRight(cmdline, "\x00"), "\x00")
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			p.uid = int(stat.Uid)
		}
		all = append(all, p)
	}
	return all
}

// inThisNamespace says whether a process is in this network namespace. It is taken to be where
// this user may not know.
func (r reader) inThisNamespace(dir string) bool {
	theirs, err := os.Readlink(r.path(dir + "ns/net"))
	if err != nil {
		return true
	}
	mine, err := os.Readlink(r.path("proc/thread-self/ns/net"))
	return err != nil || mine == theirs
}

// runs says whether a program runs as somebody who may manage networks.
func runs(all []process, name string) bool {
	return slices.ContainsFunc(all, func(p process) bool { return p.name == name && p.trusted() })
}
