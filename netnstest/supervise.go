package netnstest

import (
	"fmt"
	"os/exec"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Supervisor kills a program (SIGKILL) right before one of its changes, or refuses changes, as the kernel may
// for reasons that a test can't bring about. A change is a request to rtnetlink that asks for one, or a call that
// makes, writes, syncs, renames or removes a file or a folder, or says whose it is. Those of all threads count,
// but not of programs that this one starts.
//
// It supervises a seccomp filter (seccomp_unotify(2)): a thread that makes such a call waits until it may go on.
type Supervisor struct {
	started chan struct{} // closed when pid is known
	pid     int
	pidfd   int
	starter int // the thread that starts the program, and has the filter, too

	mu      sync.Mutex
	made    int
	at      int
	killed  bool
	refuses func(Attempt) bool
	refused int
}

// An Attempt is a change that a program is about to make: a whole netlink message, or a file's path that it opens
// to write and, perhaps, make.
type Attempt struct {
	Request []byte
	Path    string
}

// Supervise has the program supervised, once it is started. That needs Linux 5.19: before, a signal has a call
// reported twice.
func (c *Cmd) Supervise() *Supervisor {
	c.n.t.Helper()
	if !KernelAtLeast(5, 19) {
		Skip(c.n.t, "needs Linux 5.19 to supervise %s", c.Path)
	}
	c.supervisor = &Supervisor{started: make(chan struct{}), pidfd: -1}
	return c.supervisor
}

// KillAt has the program killed right before its n-th change from now on; with 0 it isn't, and they are counted.
func (s *Supervisor) KillAt(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made, s.at = 0, n
}

// RefusedWith is the error of the changes that a supervisor refuses.
const RefusedWith = unix.EIO

// Refuse has those changes refused from now on of which f says so. Nil refuses none.
func (s *Supervisor) Refuse(f func(Attempt) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses, s.refused = f, 0
}

// Refused is how many were refused since the last Refuse.
func (s *Supervisor) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Made is how many changes the program has made, or been about to.
func (s *Supervisor) Made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

// Killed says whether the program was killed.
func (s *Supervisor) Killed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.killed
}

// suspects are the system calls that the filter reports.
var suspects = []uint32{
	unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_OPENAT, unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_FTRUNCATE,
	unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT,
	unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT,
}

// start starts the program. The calling thread has to end soon: it keeps the filter, which the program
// inherits.
func (s *Supervisor) start(c *exec.Cmd) error {
	s.starter = unix.Gettid()
	listener, err := listen()
	if err != nil {
		return err
	}
	go s.supervise(listener)
	defer close(s.started)
	if err := c.Start(); err != nil {
		return err
	}
	s.pid = c.Process.Pid
	s.pidfd, err = unix.PidfdOpen(s.pid, 0)
	return err
}

// listen gives the calling thread the filter, and returns the descriptor by which it reports.
func listen() (int, error) {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the call's number comes first
	for i, call := range suspects {
		filter = append(filter, unix.SockFilter{
			Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jt: uint8(len(suspects) - i),
		})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return -1, fmt.Errorf("have changes reported (seccomp): %w", errno)
	}
	return int(fd), nil
}

// call is a system call that waits, struct seccomp_notif.
type call struct {
	id     uint64
	thread uint32
	_      uint32
	number int32
	_      uint32
	_      uint64
	args   [6]uint64
}

// answer is struct seccomp_notif_resp.
type answer struct {
	id    uint64
	_     int64
	errno int32 // negative
	flags uint32
}

// supervise lets every call go on until the one at which the program is killed. It ends when nobody has
// the filter any more.
func (s *Supervisor) supervise(listener int) {
	defer unix.Close(listener)
	for {
		news := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		// A signal to this thread makes it POLLERR.
		if _, err := unix.Poll(news, -1); err != nil || news[0].Revents&(unix.POLLIN|unix.POLLHUP) == 0 {
			continue
		}
		if news[0].Revents&unix.POLLIN == 0 {
			break
		}
		var c call
		if ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&c)) != nil {
			continue // the thread doesn't wait any more
		}
		a := answer{id: c.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		switch s.judge(&c) {
		case dies:
			continue
		case isRefused:
			a.errno, a.flags = -int32(RefusedWith), 0
		}
		_ = ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a)) // or it was killed by others
	}
	<-s.started
	if s.pidfd >= 0 {
		unix.Close(s.pidfd)
	}
}

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// What becomes of a call.
const (
	goesOn = iota
	isRefused
	dies // for the program is dead
)

// judge counts a call, and says what becomes of it.
func (s *Supervisor) judge(c *call) int {
	if int(c.thread) == s.starter {
		return goesOn
	}
	<-s.started
	task := fmt.Sprintf("/proc/%d/task/%d", s.pid, c.thread)
	attempt, changes := s.change(c)
	if unix.Access(task, unix.F_OK) != nil || !changes {
		return goesOn
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.killed {
		s.made++
		s.killed = s.made == s.at && unix.PidfdSendSignal(s.pidfd, unix.SIGKILL, nil, 0) == nil
	}
	switch {
	case s.killed:
		return dies
	case s.refuses != nil && s.refuses(attempt):
		s.refused++
		return isRefused
	}
	return goesOn
}

// change tells a change from calls that only look like one.
func (s *Supervisor) change(c *call) (a Attempt, changes bool) {
	switch c.number {
	case unix.SYS_OPENAT:
		if c.args[2]&unix.O_CREAT == 0 {
			return a, false
		}
		path := make([]byte, 256)
		s.read(path, uintptr(c.args[1]))
		return Attempt{Path: unix.ByteSliceToString(path)}, true
	case unix.SYS_WRITE, unix.SYS_SENDTO:
		if s.ofFile(c) {
			return a, true
		}
		a.Request = s.request(c, uintptr(c.args[1]), int(c.args[2]))
		return a, a.Request != nil
	case unix.SYS_SENDMSG:
		var header unix.Msghdr
		var part unix.Iovec
		s.read(unsafe.Slice((*byte)(unsafe.Pointer(&header)), unsafe.Sizeof(header)), uintptr(c.args[1]))
		s.read(unsafe.Slice((*byte)(unsafe.Pointer(&part)), unsafe.Sizeof(part)), uintptr(unsafe.Pointer(header.Iov)))
		a.Request = s.request(c, uintptr(unsafe.Pointer(part.Base)), int(part.Len))
		return a, a.Request != nil
	}
	return a, true
}

// ofFile says whether a call is about a file, and not about a pipe or its like.
func (s *Supervisor) ofFile(c *call) bool {
	var stat unix.Stat_t
	err := s.on(c, func(fd int) error { return unix.Fstat(fd, &stat) })
	return err == nil && stat.Mode&unix.S_IFMT == unix.S_IFREG
}

// request is a message that is about to be sent, if it asks rtnetlink for a change; else nil.
func (s *Supervisor) request(c *call, at uintptr, size int) []byte {
	var family, protocol int
	err := s.on(c, func(fd int) (err error) {
		if family, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil {
			protocol, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
		}
		return err
	})
	if err != nil || family != unix.AF_NETLINK || protocol != unix.NETLINK_ROUTE {
		return nil
	}
	message := make([]byte, size)
	s.read(message, at)
	if len(requestedChanges(message)) == 0 {
		return nil
	}
	return message
}

// on calls f with what the program's descriptor, a call's first argument, stands for.
func (s *Supervisor) on(c *call, f func(fd int) error) error {
	fd, err := unix.PidfdGetfd(s.pidfd, int(c.args[0]), 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

// read reads the program's memory. What can't be read is left as it is, which is no change.
func (s *Supervisor) read(into []byte, at uintptr) {
	if len(into) == 0 {
		return
	}
	local := unix.Iovec{Base: &into[0]}
	local.SetLen(len(into))
	_, _ = unix.ProcessVMReadv(s.pid, []unix.Iovec{local}, []unix.RemoteIovec{{Base: at, Len: len(into)}}, 0)
}
