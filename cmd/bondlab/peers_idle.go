package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/bondctl/bondctl/netnstest"
)

// idleTime is how long a daemon is watched that has nothing to do.
const idleTime = 20 * time.Second

// idle is what of a peer stays running: how much memory it holds itself and of its program, in KiB, and
// how often it wakes up. The others that are called the same belong to other peers.
func idle(daemon string, others []int) (own, program, wakeUps int) {
	if daemon == "" {
		return 0, 0, 0
	}
	pids := slices.DeleteFunc(processes(daemon), func(pid int) bool { return slices.Contains(others, pid) })
	for range 10 { // until what comes of the set-up is over
		if wakes(pids, time.Second) == 0 {
			break
		}
	}
	wakeUps = wakes(pids, idleTime)
	for _, pid := range pids {
		own += number(pid, "status", "RssAnon")
		program += number(pid, "status", "RssFile") + number(pid, "status", "RssShmem")
	}
	return own, program, wakeUps
}

// processes are those of that name on the machine, by their numbers here, be they in a container.
func processes(name string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		// The kernel keeps 15 bytes of a name.
		comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
		if strings.TrimSpace(string(comm)) != name[:min(15, len(name))] {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// wakes watches processes, and counts how often they wake up. What happens within a tenth of a second or
// two is once: a program of many threads isn't worse than one with one.
func wakes(pids []int, watch time.Duration) (times int) {
	last, awake := switches(pids), false
	for end := time.Now().Add(watch); time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
		now := switches(pids)
		if now != last && !awake {
			times++
		}
		awake, last = now != last, now
	}
	return times
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
			n, _ := strconv.Atoi(strings.Fields(rest + " -")[0])
			return n
		}
	}
	return 0
}

// ownAddressOf is a link's IPv4 address that begins so; nil where it has none.
func ownAddressOf(h *netnstest.Host, device, prefix string) *netip.Addr {
	link, err := h.Netlink().LinkByName(device)
	if err != nil {
		return nil
	}
	addrs, err := h.Netlink().AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if addr, ok := netip.AddrFromSlice(a.IP.To4()); ok && strings.HasPrefix(addr.String(), prefix) {
			return &addr
		}
	}
	return nil
}
