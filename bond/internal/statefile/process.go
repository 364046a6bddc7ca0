package statefile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Process is a process's identity. Its number alone is used again.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // in clock ticks since the boot (proc_pid_stat(5))
}

// Self is this process.
func Self() (Process, error) { return find(os.Getpid()) }

// ProcessOf is the process that has a number now. The error is os.ErrProcessDone for a
// zombie.
func ProcessOf(pid int) (Process, error) { return find(pid) }

// Alive says whether the process hasn't ended. A zombie has. Anybody may ask;
// the zero Process is nobody.
func (p Process) Alive() bool {
	if p.PID == 0 {
		return false
	}
	now, err := find(p.PID)
	return err == nil && now == p
}

// Signal sends a signal to this very process. The error is os.ErrProcessDone
// when it has ended.
func (p Process) Signal(sig unix.Signal) error {
	h, err := p.Hold()
	if err != nil {
		return err
	}
	defer h.Close()
	return h.Signal(sig)
}

// Hold takes hold of this very process. The error is os.ErrProcessDone when it has
// ended.
func (p Process) Hold() (*Handle, error) {
	if p.PID == 0 {
		return nil, os.ErrProcessDone
	}
	h, err := Hold(p.PID)
	if err != nil {
		return nil, err
	}
	// The handle is of whoever has the number by now: is it the one?
	if !p.Alive() {
		h.Close()
		return nil, os.ErrProcessDone
	}
	return h, nil
}

// find is the process of a number. The error is os.ErrProcessDone for a zombie.
func find(pid int) (Process, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return Process{}, err
	}
	start, err := parseStat(text)
	if err != nil {
		return Process{}, fmt.Errorf("read %s: %w", path, err)
	}
	return Process{PID: pid, Start: start}, nil
}

// parseStat finds in /proc/PID/stat when the process was started: the 22nd field
// (proc_pid_stat(5)). The error is os.ErrProcessDone for a zombie.
func parseStat(text []byte) (start uint64, err error) {
	// The second field is the program's name in parentheses, which may contain
	// anything, spaces and parentheses too. No later one has any.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return 0, errors.New("it has too few fields")
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, os.ErrProcessDone
	}
	return strconv.ParseUint(fields[19], 10, 64)
}
