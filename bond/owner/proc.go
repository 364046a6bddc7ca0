package owner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// A running is a process that may be a client.
type running struct {
	statefile.Process
	program string
	parent  int
	uid     int
	args    []string
}

// clientNames are the names of processes that may be clients (/proc/PID/comm).
var clientNames = map[string]string{"dhclient": Dhclient, "dhcpcd": Dhcpcd, "udhcpc": Udhcpc, "busybox": Udhcpc}

// programs lists the processes of this network namespace that may be clients, in the order
// of their numbers. A client that goes to the background while the list is read, as a copy
// of itself, could be missed, and so could the copy. So where there is a client, or where a
// process ended meanwhile, it looks until it sees the same twice.
func programs() (all []running, err error) {
	const most = 10
	for range most {
		before := all
		var quiet bool
		if all, quiet, err = programsNow(); err != nil {
			return nil, err
		}
		same := before != nil && slices.EqualFunc(before, all, func(a, b running) bool { return a.Process == b.Process })
		if same || quiet && len(all) == 0 {
			break
		}
	}
	return all, nil
}

// programsNow is programs by one look. all isn't nil; quiet says that no process ended
// meanwhile. Of most processes it reads the name alone, by three system calls.
func programsNow() (all []running, quiet bool, err error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, false, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	all, quiet = []running{}, true
	for _, name := range names {
		pid, notOne := strconv.Atoi(name)
		if notOne != nil {
			continue
		}
		comm, there := commOf(int(proc.Fd()), name)
		quiet = quiet && there
		if clientNames[comm] == "" {
			continue
		}
		if r, ok := look(pid); ok {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b running) int { return a.PID - b.PID })
	return all, quiet, err
}

// commOf reads the name of a process below the folder proc.
func commOf(proc int, pid string) (name string, there bool) {
	fd, err := unix.Openat(proc, pid+"/comm", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", false
	}
	defer unix.Close(fd)
	var text [32]byte // TASK_COMM_LEN is 16
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return "", false
	}
	return strings.TrimSpace(string(text[:n])), true
}

// look looks at a process. At its end the process is still the same, so all that was read is
// its own.
func look(pid int) (r running, ok bool) {
	if r.program, ok = clientNames[strings.TrimSpace(procText(pid, "comm"))]; !ok {
		return r, false
	}
	var err error
	if r.Process, err = statefile.ProcessOf(pid); err != nil {
		return r, false
	}
	r.args = strings.Split(strings.TrimRight(procText(pid, "cmdline"), "\x00"), "\x00")
	if name := procText(pid, "comm"); strings.TrimSpace(name) == "busybox" && !slices.ContainsFunc(r.args[:min(2, len(r.args))], isUdhcpc) {
		return r, false
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return r, false
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		r.uid = int(stat.Uid)
	}
	r.parent = parentOf(procText(pid, "stat"))
	return r, r.parent >= 0 && inThisNamespace(pid) && r.Alive()
}

func isUdhcpc(arg string) bool { return filepath.Base(arg) == Udhcpc }

// trusted says whether a process is root's or this user's. Anybody can give a program a
// client's name, and it would be started again as root.
func (r running) trusted() bool { return r.uid == 0 || r.uid == os.Geteuid() }

// procText is a file of a process's; "" where it can't be read.
func procText(pid int, name string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	return string(text)
}

// parentOf finds a process's parent in /proc/PID/stat, the fourth field (proc_pid_stat(5));
// -1 where it isn't there. The second one, in parentheses, may contain anything.
func parentOf(stat string) int {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return -1
	}
	n, err := strconv.Atoi(fields[1])
	if err != nil {
		return -1
	}
	return n
}

// inThisNamespace says whether a process is in the calling thread's network namespace. It is
// taken to be where this user may not know.
func inThisNamespace(pid int) bool {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return errors.Is(err, os.ErrPermission)
	}
	mine, err := os.Readlink("/proc/thread-self/ns/net")
	return err != nil || theirs == mine
}

// cgroupOf finds the control group in /proc/PID/cgroup: the path in the line of the one
// hierarchy, 0::/system.slice/networking.service, or where systemd has one of its own, as with
// version 1, in that of 1:name=systemd:/system.slice/networking.service.
func cgroupOf(text string) (group string) {
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		of, dir, _ := strings.Cut(rest, ":")
		if (of == "" || of == "name=systemd") && dir != "/" && group == "" {
			group = dir
		}
	}
	return group
}

// environment is a process's, as it was at its start.
func environment(pid int) []string {
	var env []string
	for part := range bytes.SplitSeq([]byte(procText(pid, "environ")), []byte{0}) {
		if name, _, ok := strings.Cut(string(part), "="); ok && name != "" {
			env = append(env, string(part))
		}
	}
	return env
}

// linkOf is where a link of a process's leads; "" where that can't be read. That of a program
// whose file was replaced leads to the new one.
func linkOf(pid int, name string) string {
	to, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
	return strings.TrimSuffix(to, " (deleted)")
}
