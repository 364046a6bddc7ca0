package supplicant

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hangAt in the environment makes this program a wpa_supplicant, for what it is
// known by: that answers all questions up to this one.
const hangAt = "SUPPLICANT_TEST_HANG_AT"

func TestMain(m *testing.M) {
	if question := os.Getenv(hangAt); question != "" {
		fmt.Println(pretend(os.Args[len(os.Args)-1], question))
		return
	}
	os.Exit(m.Run())
}

// pretend answers at the control socket until the question comes, of which it
// tells, or standard input ends.
func pretend(path, last string) error {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready")
	for text := make([]byte, longestMessage); ; {
		n, from, err := conn.ReadFrom(text)
		if err != nil {
			return err
		}
		question := string(text[:n])
		if strings.HasSuffix(question, last) {
			fmt.Println("asked")
			continue
		}
		answer := "OK\n"
		if question == "PING" {
			answer = "PONG\n"
		}
		if _, err := conn.WriteTo([]byte(answer), from); err != nil {
			return err
		}
	}
}

// hanging is such a process.
type hanging struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startHanging(t *testing.T, s *Supplicant, question string) *hanging {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{
		Path: own, Args: append([]string{"wpa_supplicant"}, s.args()...),
		Env: append(os.Environ(), hangAt+"="+question),
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h := &hanging{t: t, cmd: cmd, out: bufio.NewScanner(out)}
	h.tells("ready")
	return h
}

// tells waits for a line.
func (h *hanging) tells(want string) {
	h.t.Helper()
	if h.out.Scan(); h.out.Text() != want {
		h.t.Fatalf("it tells %q, not %q", h.out.Text(), want)
	}
}

// hang stops it, so that signals wait, but for SIGKILL.
func (h *hanging) hang() {
	h.t.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		h.t.Fatal(err)
	}
}

// told says whether a SIGTERM waits for it: ShdPnd of proc_pid_status(5).
func (h *hanging) told() bool {
	h.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	if err != nil {
		h.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nShdPnd:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	waiting, err := strconv.ParseUint(mask, 16, 64)
	if err != nil {
		h.t.Fatal(err)
	}
	return waiting&(1<<(syscall.SIGTERM-1)) != 0
}

// killed checks how it ended.
func (h *hanging) killed() {
	h.t.Helper()
	if p := open(h.cmd.Process.Pid); p != nil {
		p.Close()
		h.t.Error("it goes on")
		return
	}
	_ = h.cmd.Wait()
	if status, ok := h.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		h.t.Errorf("it is %s, not killed", h.cmd.ProcessState)
	}
}

// ready is a Supplicant on whose folder one may be.
func ready(t *testing.T) *Supplicant {
	t.Helper()
	dir := t.TempDir()
	s := &Supplicant{Interface: "wlan0", Config: filepath.Join(dir, "x.conf"), Dir: filepath.Join(dir, "wlan0")}
	if err := os.WriteFile(s.Config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	return s
}

// soon fails the test unless f returns long before an answer is given up.
func soon(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(answerTime / 2):
		t.Error("it still waits")
		<-done
	}
}

// A Run ends with its context, whatever it has asked one that hangs; and that
// one runs on, for nothing is known against it.
func TestRunEndsWhileAsking(t *testing.T) {
	for _, question := range []string{"PING", "ATTACH", "STATUS", "LIST_NETWORKS", "RECONFIGURE"} {
		t.Run(question, func(t *testing.T) {
			t.Parallel()
			s := ready(t)
			h := startHanging(t, s, question)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var running sync.WaitGroup
			var troubles []Event
			running.Go(func() {
				s.Run(ctx, func(e Event) {
					if e.Kind == Trouble {
						troubles = append(troubles, e)
					}
				})
			})
			h.tells("asked")
			h.hang()
			cancel()
			soon(t, running.Wait)
			if troubles != nil {
				t.Errorf("it reports %+v", troubles)
			}
			if h.told() {
				t.Error("it was told to end")
			}
		})
	}
}

// Nor does one that hangs for so long that its queue is full keep a Run.
func TestAttachFullQueue(t *testing.T) {
	s := ready(t)
	hung, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: control(s.Dir), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	m, err := listen(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		if err = m.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err == nil {
			_, err = m.conn.WriteTo([]byte("PING"), m.peer)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := m.conn.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	soon(t, func() {
		if err := m.attach(ctx); err == nil {
			t.Error("it has attached to one that hangs")
		}
		m.close()
	})
}

// Whether somebody else has the interface isn't known from one that hangs.
func TestFreeEndsWithContext(t *testing.T) {
	before := socketDir
	socketDir = t.TempDir()
	t.Cleanup(func() { socketDir = before })
	s := ready(t)
	hung, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(socketDir, s.Interface), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	soon(t, func() {
		if err := s.free(ctx); err == nil {
			t.Error("it says that the interface is free")
		}
	})
}

// A Stop ends one that hangs within the time that the keeper gives it; and at
// once when that is over. Nothing is left.
func TestStopKills(t *testing.T) {
	for name, patience := range map[string]time.Duration{
		"in time":         5 * time.Second,
		"without time":    0,
		"time that's out": endTime / 8,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ready(t)
			h := startHanging(t, s, "PING")
			h.hang()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begun := time.Now()
			soon(t, func() {
				if err := Stop(ctx, s.Dir); err != nil {
					t.Error(err)
				}
			})
			if took := time.Since(begun); patience < endTime && took >= endTime {
				t.Errorf("it took %s", took)
			}
			h.killed()
			if _, err := os.Stat(s.Dir); err == nil {
				t.Errorf("%s is still there", s.Dir)
			}
		})
	}
}
