package hook

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond"
)

// elf is the name of a hook that is this very program.
const elf = "10-elf"

func TestMain(m *testing.M) {
	if os.Args[0] == elf {
		report()
		return
	}
	os.Exit(m.Run())
}

// report tells what a hook gets.
func report() {
	for _, v := range os.Environ() {
		fmt.Println(v)
	}
	open := []string{}
	for fd := range 64 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			// Go's runtime has opened some itself.
			if err == nil && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/sys/fs/cgroup/") {
				open = append(open, strconv.Itoa(fd))
			}
		}
	}
	dir, _ := os.Getwd()
	in, _ := os.Readlink("/proc/self/fd/0")
	session, _ := unix.Getsid(0)
	fmt.Printf("descriptors %s, dir %s, umask %04o, stdin %s, own session %t, own group %t\n",
		strings.Join(open, " "), dir, unix.Umask(0), in, session == os.Getpid(), unix.Getpgrp() == os.Getpid())
}

// lab is a folder of hooks and a Runner for it.
type lab struct {
	*Runner
	t    *testing.T
	dir  string
	mu   sync.Mutex
	said bytes.Buffer
}

func newLab(t *testing.T) *lab {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	const dir = "/etc/bondctl/hooks.d"
	l := &lab{t: t, dir: filepath.Join(root, dir)}
	for _, d := range []string{"etc", "etc/bondctl", "etc/bondctl/hooks.d"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l.Runner = &Runner{Dir: dir, root: root, owner: os.Getuid(), Log: slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))}
	return l
}

// Write takes the log.
func (l *lab) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said.Write(b)
}

// log is what has been logged since the last call.
func (l *lab) log() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.said.Reset()
	return l.said.String()
}

// add adds a hook.
func (l *lab) add(name, text string, mode os.FileMode) {
	l.t.Helper()
	file := filepath.Join(l.dir, name)
	// A process that is started meanwhile would hold it open for writing until
	// it execs, and what is written to can't be run (ETXTBSY).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		l.t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		l.t.Fatal(err)
	}
}

// waitFor waits until something was logged, and returns all since the last log.
func (l *lab) waitFor(text string) string {
	l.t.Helper()
	all := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if all += l.log(); strings.Contains(all, text) {
			return all
		}
	}
	l.t.Fatalf("%q isn't logged:\n%s", text, all)
	return ""
}

// start has Run run until the test ends.
func (l *lab) start() {
	ctx, cancel := context.WithCancel(l.t.Context())
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	l.t.Cleanup(func() { cancel(); running.Wait() })
}

var failover = bond.Event{
	Seq: 7, Time: time.Date(2026, 11, 22, 14, 51, 10, 204e6, time.UTC), Event: bond.EventFailover, Bond: "bond0",
	From: new("usb0"), To: new("wlan0"), Reason: new(bond.ReasonOnlyLink), SwitchMS: new(12), Count: 1,
}

// What a program and a script get.
func TestRun(t *testing.T) {
	l := newLab(t)
	// One that a keeper was started with.
	inherited, err := unix.FcntlInt(0, unix.F_DUPFD, 20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(inherited) })
	old := unix.Umask(0o077)
	t.Cleanup(func() { unix.Umask(old) })
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	l.add(elf, string(self), 0o755)
	l.add("20-script", "#!/bin/sh\necho $0 $BONDCTL_FROM $BONDCTL_TO; echo oops >&2; exit 3\n", 0o755)
	l.add("30-quiet", "#!/bin/sh\n", 0o755)
	l.add("40-text", "echo no interpreter\n", 0o755)
	l.add("50-last", "#!/bin/sh\nprintf 'a\\033[1m\\377'\n", 0o755)
	l.start()
	l.Send(failover)
	event := `event="bond0 failover usb0 -> wlan0: only_link (12 ms)"`
	want := []string{
		`level=INFO msg="hook 10-elf" ` + event + ` output="` + strings.Join([]string{
			"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", "BONDCTL_EVENT=failover", "BONDCTL_BOND=bond0",
			"BONDCTL_FROM=usb0", "BONDCTL_TO=wlan0", "BONDCTL_REASON=only_link", "BONDCTL_MESSAGE=", "BONDCTL_SWITCH_MS=12",
			"BONDCTL_TIME=2026-11-22T14:51:10.204Z", "BONDCTL_SEQ=7", "BONDCTL_COUNT=1",
			"descriptors 0 1 2 3, dir /, umask 0022, stdin /dev/null, own session true, own group true", `"`,
		}, `\n`),
		`level=WARN msg="hook 20-script: exit status 3" ` + event + ` output="/proc/self/fd/3 usb0 wlan0\noops\n"`,
		`level=WARN msg="hook 40-text: it can't be run: it is no program, and no script with an interpreter (#!) in its first line" ` + event,
		`level=INFO msg="hook 50-last" ` + event + ` output="a\x1b[1m\xff"`, "",
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), l.waitFor("50-last")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// What isn't known is empty, and a name ends no variable.
func TestEnvironment(t *testing.T) {
	e := bond.Event{Event: bond.EventJoin, Bond: "a\"\\b\nc\x00d\x1b\xff=é", To: new("eth0"), Message: new("a b")}
	want := []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", "BONDCTL_EVENT=join", `BONDCTL_BOND=a"\\b\nc\x00d\x1b\xff=é`, "BONDCTL_FROM=",
		"BONDCTL_TO=eth0", "BONDCTL_REASON=", "BONDCTL_MESSAGE=a b", "BONDCTL_SWITCH_MS=", "BONDCTL_TIME=0001-01-01T00:00:00Z", "BONDCTL_SEQ=0", "BONDCTL_COUNT=0",
	}
	if diff := cmp.Diff(want, environment(e)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzEscaped: whatever it was, it can be told from everything else, and is
// printable.
func FuzzEscaped(f *testing.F) {
	for _, s := range []string{"", "eth0", "\x00\n\x1b", `\"`, `\`, "\xff", "é", "\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := escaped(s)
		for _, r := range got {
			if !strconv.IsPrint(r) {
				t.Errorf("%q is in %q", r, got)
			}
		}
		back, err := strconv.Unquote(`"` + strings.ReplaceAll(got, `"`, `\"`) + `"`)
		if err != nil || back != s {
			t.Errorf("%q became %q, which is %q, %v", s, got, back, err)
		}
	})
}

func TestHookNames(t *testing.T) {
	for _, name := range []string{"10-vpn", "vpn", "vpn.sh", "A_b-c.1", "bak", "-x"} {
		if !isHookName(name) {
			t.Errorf("%q isn't taken", name)
		}
	}
	for _, name := range []string{
		"", ".", "..", ".hidden", "vpn~", "#vpn#", "v pn", "vpn\n", "vpn;reboot", "é", "vpn.bak", "vpn.orig", "vpn.old", "vpn.swp",
		"vpn.dpkg-new", "vpn.dpkg-old", "vpn.dpkg-dist", "vpn.ucf-dist", "vpn.rpmsave", "vpn.rpmnew", "vpn.pacnew",
	} {
		if isHookName(name) {
			t.Errorf("%q is taken", name)
		}
	}
}

// The end of a hook: by itself, late, deaf, and as the keeper ends.
func TestEnds(t *testing.T) {
	tests := map[string]struct {
		script string
		limit  time.Duration
		end    bool // the keeper ends meanwhile
		want   string
	}{
		"in time":             {"echo done", time.Minute, false, "INFO done"},
		"by a signal":         {"kill -9 $$", time.Minute, false, "WARN signal: killed"},
		"late":                {"sleep 600", 50 * time.Millisecond, false, "WARN it took more than 50ms and was ended"},
		"late, and tidies up": {"trap 'echo tidy; exit' TERM; sleep 600 & wait", 5 * time.Second, false, "WARN it took more than 5s and was ended tidy"},
		"late, and deaf":      {"trap '' TERM; while :; do sleep 600; done", 50 * time.Millisecond, false, "WARN it took more than 50ms and was ended"},
		"leaves one behind":   {"sleep 600 & echo $!", time.Minute, false, "INFO PID"},
		"as the keeper ends":  {"sleep 600", time.Minute, true, "WARN it was ended, for the keeper ends"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.Limit = test.limit
			l.add("hook", "#!/bin/sh\ntouch "+l.dir+"/.began\n"+test.script+"\n", 0o755)
			ctx, end := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { l.Run(ctx) })
			l.Send(failover)
			if test.end {
				began := func() bool { _, err := os.Stat(l.dir + "/.began"); return err == nil }
				for deadline := time.Now().Add(time.Minute); !began() && time.Now().Before(deadline); {
					time.Sleep(5 * time.Millisecond)
				}
				end()
			}
			got := l.waitFor("\n")
			end()
			running.Wait()
			level, text, _ := strings.Cut(test.want, " ")
			if test.want == "INFO PID" {
				_, text, _ = strings.Cut(got, "output=")
				pid, _, _ := strings.Cut(strings.Trim(text, "\"\n"), `\n`)
				text = pid
				if n, err := strconv.Atoi(pid); err != nil || !ends(n) {
					t.Errorf("process %q is left behind, %v", pid, err)
				}
			}
			for _, word := range append(strings.Fields(text), "level="+level) {
				if !strings.Contains(got, word) {
					t.Errorf("the log has no %q: %s", word, got)
				}
			}
		})
	}
}

// ends waits for a process that has been killed.
func ends(pid int) bool {
	for deadline := time.Now().Add(time.Minute); lives(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// lives says whether a process is there and no zombie.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// A process in a session of its own, which holds the output open, holds nobody
// up.
func TestDaemonsLeft(t *testing.T) {
	l := newLab(t)
	l.add("hook", "#!/bin/sh\ncd "+l.dir+"\nsetsid sh -c 'echo $$; touch .said; exec sleep 600' &\nuntil [ -e .said ]; do sleep 0.05; done\n", 0o755)
	l.start()
	l.Send(failover)
	_, text, _ := strings.Cut(l.waitFor("output="), "output=")
	pid, _, _ := strings.Cut(strings.Trim(text, "\"\n"), `\n`)
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if !lives(n) {
		t.Error("it was ended, though it has a session of its own")
	}
	_ = unix.Kill(n, unix.SIGKILL)
}

// No amount of output hurts.
func TestOutput(t *testing.T) {
	l := newLab(t)
	l.add("hook", "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\000' x\n", 0o755)
	l.start()
	l.Send(failover)
	got := l.waitFor("\n")
	if want := strings.Repeat("x", maxOutput) + "... and 991808 bytes more"; !strings.Contains(got, "output=\""+want+"\"") {
		t.Errorf("%d bytes are logged: %.300s", len(got), got)
	}
}

// Nobody waits for hooks, and the oldest events are dropped.
func TestQueue(t *testing.T) {
	l := newLab(t)
	l.add("hook", "#!/bin/sh\necho $BONDCTL_SEQ >> "+l.dir+"/.order\n", 0o755)
	for seq := range maxQueue + 3 {
		e := failover
		e.Seq = seq
		l.Send(e)
	}
	got := l.log()
	for seq := range 3 {
		if !strings.Contains(got, fmt.Sprintf("seq=%d ", seq)) {
			t.Errorf("that event %d is dropped isn't logged:\n%s", seq, got)
		}
	}
	l.start()
	var want []string
	for seq := range maxQueue {
		want = append(want, strconv.Itoa(seq+3))
	}
	var order []string
	for deadline := time.Now().Add(time.Minute); len(order) < maxQueue && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(l.dir + "/.order")
		order = strings.Fields(string(text))
	}
	if !slices.Equal(order, want) {
		t.Errorf("told in the order %v", order)
	}
}

// A Runner that ends says what it doesn't tell any more, and begins nothing.
func TestQueueAtEnd(t *testing.T) {
	l := newLab(t)
	l.add("hook", "#!/bin/sh\ntouch "+l.dir+"/.ran\n", 0o755)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.Send(failover)
	l.Run(ctx)
	if _, err := os.Stat(l.dir + "/.ran"); err == nil {
		t.Error("a hook was begun")
	}
}
