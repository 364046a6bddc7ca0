package netnstest

import (
	"net"
	"os"
	"syscall"
)

// firstFD is the descriptor number of the first of exec.Cmd.ExtraFiles.
const firstFD = 3

// sockets makes the connections between the host and QEMU as pairs of sockets that QEMU
// inherits: no names, so no clash, no limit to a path's length and nothing to clean up. After the
// first error it does nothing.
type sockets struct {
	near []net.Conn
	far  []*os.File // QEMU's, in the order of their descriptors
	err  error
}

// pair makes a connection and returns our end of it.
func (s *sockets) pair() net.Conn {
	a, b := s.files()
	if s.err != nil {
		return nil
	}
	defer a.Close()
	s.far = append(s.far, b)
	conn, err := net.FileConn(a)
	if err != nil {
		s.err = err
		return nil
	}
	s.near = append(s.near, conn)
	return conn
}

// monitor makes a connection of which QEMU has both ends: its monitor's, and that of the port
// by which the guest reaches it.
func (s *sockets) monitor() (monitor, port int) {
	a, b := s.files()
	if s.err != nil {
		return 0, 0
	}
	s.far = append(s.far, a, b)
	return firstFD + len(s.far) - 2, firstFD + len(s.far) - 1
}

func (s *sockets) files() (a, b *os.File) {
	if s.err != nil {
		return nil, nil
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		s.err = os.NewSyscallError("socketpair", err)
		return nil, nil
	}
	return os.NewFile(uintptr(fds[0]), "lab"), os.NewFile(uintptr(fds[1]), "qemu")
}

func (s *sockets) closeFar() {
	for _, f := range s.far {
		f.Close()
	}
}

func (s *sockets) closeNear() {
	for _, c := range s.near {
		c.Close()
	}
}
