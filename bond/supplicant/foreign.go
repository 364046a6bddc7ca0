package supplicant

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// busyError says that another wpa_supplicant has the interface. Two of them
// would tear down each other's connections for ever.
type busyError struct {
	iface   string
	pid     int
	unit    string   // the systemd unit that it is of, if that is known
	process *process // to wait for its end; nil if that can't be
}

func (e *busyError) Error() string {
	text := fmt.Sprintf("another wpa_supplicant has %s: process %d", e.iface, e.pid)
	if e.unit != "" {
		text += " of " + e.unit
	}
	return text
}

// socketDir is where wpa_supplicants have their control sockets by custom, one
// an interface. Those that are told of interfaces over D-Bus, as NetworkManager
// does, don't have them among their arguments.
var socketDir = "/run/wpa_supplicant"

// free returns a busyError when another wpa_supplicant has the interface.
func (s *Supplicant) free(ctx context.Context) error {
	others, err := processes(func(args []string) bool { return slices.Contains(interfaces(args), s.Interface) })
	if err != nil {
		return err
	}
	if len(others) > 0 {
		for _, p := range others[1:] {
			p.Close()
		}
		return &busyError{iface: s.Interface, pid: others[0].pid, unit: unit(others[0].pid), process: others[0]}
	}
	answer, pid, err := ask(ctx, filepath.Join(socketDir, s.Interface), "PING")
	if err != nil || !strings.HasPrefix(answer, "PONG") {
		return ctx.Err() // nobody listens there, unless ctx ended the question
	}
	p := open(pid)
	if p != nil && !p.trusted() {
		// It has an interface of that name in another network namespace: paths
		// of sockets don't belong to one.
		p.Close()
		return nil
	}
	return &busyError{iface: s.Interface, pid: pid, unit: unit(pid), process: p}
}

// options are wpa_supplicant's, as getopt(3) has them; an N begins another
// interface.
const options = "b:Bc:C:D:de:f:g:G:hi:I:KLMm:No:O:p:P:qsTtuv::W"

// Arguments are the interfaces that the arguments of a wpa_supplicant name, and its
// configuration files, each in the order in which it is there.
func Arguments(args []string) (interfaces, configs []string) {
	return valuesOf(args, 'i'), valuesOf(args, 'c')
}

// interfaces are those that the arguments of a wpa_supplicant name.
func interfaces(args []string) []string { return valuesOf(args, 'i') }

// valuesOf are the values of an option among the arguments of a wpa_supplicant.
func valuesOf(args []string, option byte) []string {
	var all []string
	for i := 1; i < len(args) && args[i] != "--"; i++ {
		if !strings.HasPrefix(args[i], "-") {
			continue
		}
		for letters := args[i][1:]; letters != ""; {
			letter := letters[0]
			letters = letters[1:]
			if !strings.Contains(options, string(letter)+":") {
				continue
			}
			// The rest of the word is the value, or else the next word is.
			value := letters
			if letters = ""; value == "" && i+1 < len(args) {
				i++
				value = args[i]
			}
			if letter == option {
				all = append(all, value)
			}
		}
	}
	return all
}

// unit is the systemd unit that a process is of; "" when that isn't known.
func unit(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	return unitOf(text)
}

// unitOf finds the unit in /proc/PID/cgroup: the last part of the path in the
// line of the one hierarchy, 0::/system.slice/wpa_supplicant.service.
func unitOf(cgroup []byte) string {
	for line := range bytes.Lines(cgroup) {
		if dir, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "0::"); ok {
			if name := path.Base(dir); strings.HasSuffix(name, ".service") || strings.HasSuffix(name, ".scope") {
				return printable(name)
			}
		}
	}
	return ""
}
