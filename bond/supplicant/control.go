package supplicant

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// answerTime is how long an answer may take: wpa_supplicant does one thing at a
// time, and deriving a key is one of them.
const answerTime = 10 * time.Second

// longestMessage is more than an answer's 4096 bytes and an event's prefix.
const longestMessage = 8192

// ask has a question answered by the wpa_supplicant behind a control socket, and
// returns the process that answered. It waits no longer than for ctx: one that
// hangs takes questions and answers none.
//
// The kernel binds this end of the connection to an abstract address by itself,
// for the credentials' sake, so that nothing of it is ever left in a folder; and
// it lets nobody but the other end send to it.
func ask(ctx context.Context, path, question string) (answer string, pid int, err error) {
	dialer := net.Dialer{Control: passCredentials}
	conn, err := dialer.DialContext(ctx, "unixgram", path)
	if err != nil {
		return "", 0, err
	}
	defer conn.Close()
	defer bound(ctx, conn)()
	if _, err := conn.Write([]byte(question)); err != nil {
		return "", 0, err
	}
	text, credentials := make([]byte, longestMessage), make([]byte, 64)
	n, oobn, _, _, err := conn.(*net.UnixConn).ReadMsgUnix(text, credentials)
	if err != nil {
		return "", 0, err
	}
	return string(text[:n]), sender(credentials[:oobn]), nil
}

// bound ends what is done with a connection after answerTime, or with ctx. What
// it returns lifts the latter, and tells whether that was in time.
func bound(ctx context.Context, conn net.Conn) (lift func() bool) {
	_ = conn.SetDeadline(time.Now().Add(answerTime))
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
}

func passCredentials(_, _ string, conn syscall.RawConn) error {
	var set error
	err := conn.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err != nil {
		return err
	}
	return set
}

// sender is the process that sent a message with these credentials; 0 when they
// don't tell.
func sender(credentials []byte) int {
	messages, err := unix.ParseSocketControlMessage(credentials)
	if err != nil || len(messages) == 0 {
		return 0
	}
	c, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		return 0
	}
	return int(c.Pid)
}

// answers says whether the process is the one that answers at a control socket.
func answers(ctx context.Context, path string, pid int) bool {
	answer, from, err := ask(ctx, path, "PING")
	return err == nil && strings.HasPrefix(answer, "PONG") && from == pid
}

// ask asks about the interface.
func (s *Supplicant) ask(ctx context.Context, question string) (string, error) {
	answer, _, err := ask(ctx, control(s.Dir), "IFNAME="+s.Interface+" "+question)
	if err != nil {
		return "", fmt.Errorf("ask wpa_supplicant for %s: %w", question, err)
	}
	return answer, nil
}

// monitor is where wpa_supplicant sends its events to.
//
// It isn't connected: when its receiver is slow, wpa_supplicant replaces its own
// socket by a new one, from which a connected one wouldn't take anything. So it
// must be where nobody else can send to it, in the folder.
type monitor struct {
	conn    *net.UnixConn
	peer    *net.UnixAddr
	path    string
	reading sync.WaitGroup
}

// listen makes a monitor. What one of a process that was killed has left goes:
// wpa_supplicant forgets it then. There are no two monitors of one path, or the
// new one would get what the old one asked for as well.
func listen(dir string) (*monitor, error) {
	sweep(dir, "monitor.*")
	return listenAs(dir, "monitor")
}

// listenAs makes a monitor whose path begins with a name.
func listenAs(dir, name string) (*monitor, error) {
	path := fmt.Sprintf("%s/%s.%d", dir, name, os.Getpid())
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	return &monitor{conn: conn, peer: &net.UnixAddr{Name: control(dir), Net: "unixgram"}, path: path}, nil
}

// sweep removes monitors that nobody holds any more.
func sweep(dir, pattern string) {
	left, _ := filepath.Glob(filepath.Join(dir, pattern))
	for _, path := range left {
		os.Remove(path)
	}
}

// attach asks for the events. The answer comes before the first of them.
func (m *monitor) attach(ctx context.Context) error {
	lift := bound(ctx, m.conn)
	defer lift()
	if _, err := m.conn.WriteTo([]byte("ATTACH"), m.peer); err != nil {
		return fmt.Errorf("attach to wpa_supplicant: %w", err)
	}
	answer, err := m.read()
	if err != nil {
		return fmt.Errorf("attach to wpa_supplicant: %w", err)
	}
	if !strings.HasPrefix(answer, "OK") {
		return fmt.Errorf("attach to wpa_supplicant: it says %q", answer)
	}
	if !lift() {
		return ctx.Err()
	}
	return m.conn.SetDeadline(time.Time{})
}

func (m *monitor) read() (string, error) {
	text := make([]byte, longestMessage)
	n, err := m.conn.Read(text)
	return string(text[:n]), err
}

// messages yields what wpa_supplicant sends until the monitor is closed. There
// is room for a scan's results, so that its queue is emptied at once.
func (m *monitor) messages(done <-chan struct{}) <-chan string {
	all := make(chan string, 256)
	m.reading.Go(func() {
		for {
			text, err := m.read()
			if err != nil {
				return
			}
			select {
			case all <- text:
			case <-done:
				return
			}
		}
	})
	return all
}

// farewellTime is for a queue that is full, which takes no farewell.
const farewellTime = 100 * time.Millisecond

// close has wpa_supplicant send nothing more. One that doesn't take notice
// forgets the monitor when it next sends to it.
func (m *monitor) close() {
	_ = m.conn.SetWriteDeadline(time.Now().Add(farewellTime))
	_, _ = m.conn.WriteTo([]byte("DETACH"), m.peer)
	m.conn.Close()
	m.reading.Wait()
	os.Remove(m.path)
}
