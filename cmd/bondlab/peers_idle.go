package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
)

// idleTime is how long a daemon is watched that has nothing to do.
const idleTime = 20 * time.Second

// idle is what of the peer stays running: how much memory it holds itself and of its program's, in KiB,
// and how often it wakes up.
func (p peer) idle() (own, program, wakeUps int) {
	if p.daemon == "" {
		return 0, 0, 0
	}
	pids := processes(p.daemon)
	before := switches(pids)
	time.Sleep(idleTime)
	wakeUps = max(0, switches(pids)-before) // a thread that has ended took its own along
	for _, pid := range pids {
		own += number(pid, "status", "RssAnon")
		program += number(pid, "status", "RssFile") + number(pid, "status", "RssShmem")
	}
	return own, program, wakeUps
}

// processes are those whose command line begins so. The lab is one machine: all of its processes are
// seen here, and there is one peer at a time.
func processes(begins string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			continue
		}
		text := strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		text = strings.TrimPrefix(text, filepath.Dir(strings.Fields(text + " -")[0])+"/")
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && strings.HasPrefix(text, filepath.Base(begins)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// switches is how often the threads of processes have gone to sleep.
func switches(pids []int) (n int) {
	for _, pid := range pids {
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		for _, task := range tasks {
			n += number(pid, "task/"+task.Name()+"/status", "voluntary_ctxt_switches")
		}
	}
	return n
}

// number reads one line of a file of /proc.
func number(pid int, file, name string) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	return 0
}

func hasPrefix(prefix string) func(netlink.Addr) bool {
	return func(a netlink.Addr) bool { return strings.HasPrefix(a.IP.String(), prefix) }
}
