package owner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bondctl/bondctl/bond/internal/statefile"
)

// clientVariable has this test's program be a client: it notes that it runs in the file
// that it names, and waits to be killed.
const clientVariable = "OWNER_TEST_CLIENT"

func TestMain(m *testing.M) {
	if file := os.Getenv(clientVariable); file != "" {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, os.Getpid())
		}
		if err != nil {
			os.Exit(1)
		}
		select {}
	}
	os.Exit(m.Run())
}

// A fake is a client of lo that asks nobody for anything. All are of one interface, so a test
// at a time has some.
type fake struct {
	dir  string
	runs string // what it noted
}

// startFake starts a program of a client's name, and waits until it runs.
func startFake(t *testing.T, name string, args ...string) fake {
	t.Helper()
	f := fake{dir: t.TempDir()}
	f.runs = filepath.Join(f.dir, "runs")
	program := filepath.Join(f.dir, name)
	copyFile(t, "/proc/self/exe", program)
	cmd := exec.Command(program, args...)
	cmd.Dir = f.dir
	cmd.Env = []string{clientVariable + "=" + f.runs, "PATH=/nowhere"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }()
	t.Cleanup(func() {
		for _, pid := range f.pids(t) {
			if p, err := statefile.ProcessOf(pid); err == nil && linkOf(pid, "exe") == program {
				_ = p.Signal(unix.SIGKILL)
				for p.Alive() {
					time.Sleep(time.Millisecond)
				}
			}
		}
	})
	f.wait(t, 1)
	return f
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}

// pids are those of all its runs.
func (f fake) pids(t *testing.T) (pids []int) {
	t.Helper()
	text, err := os.ReadFile(f.runs)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.FieldsSeq(string(text)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// wait waits until it has run so often.
func (f fake) wait(t *testing.T, runs int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); len(f.pids(t)) < runs; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it ran %d times, want %d", len(f.pids(t)), runs)
		}
	}
}

// find finds this fake among the clients of lo.
func (f fake) find(t *testing.T) (found []Client) {
	t.Helper()
	all, err := Find([]string{"lo"})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(c Client) bool { return filepath.Dir(c.Path) != f.dir })
}

// A client is found with all that it takes to start it again, is stopped, and runs then as
// it did.
func TestStopAndStart(t *testing.T) {
	f := startFake(t, Dhclient, "-v", "-pf", "pid", "-lf", "leases", "lo")
	pidFile := filepath.Join(f.dir, "pid")
	if err := os.WriteFile(pidFile, []byte(fmt.Sprintln(f.pids(t)[0])), 0o600); err != nil {
		t.Fatal(err)
	}
	found := f.find(t)
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	was := found[0]
	if was.PIDFile != pidFile || was.Dir != f.dir || was.Program != Dhclient || strings.Join(was.Args[1:], " ") != "-v -pf pid -lf leases lo" ||
		!slices.Contains(was.Env, "PATH=/nowhere") || was.PID != f.pids(t)[0] || was.Links[0].Interface != "lo" {
		t.Errorf("found %+v", was)
	}
	if err := was.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if was.Alive() || len(f.find(t)) > 0 {
		t.Error("it still runs")
	}
	if _, err := os.Stat(pidFile); err == nil {
		t.Error("its number is still there")
	}
	if err := was.Stop(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
	if err := was.Start(); err != nil {
		t.Fatal(err)
	}
	f.wait(t, 2)
	is := f.find(t)
	if len(is) != 1 || !slices.Equal(is[0].Args, was.Args) || !slices.Equal(is[0].Env, was.Env) || is[0].Dir != was.Dir || is[0].Process == was.Process {
		t.Fatalf("it runs as %+v, and ran as %+v", is, was)
	}
	if sid, err := unix.Getsid(is[0].PID); err != nil || sid != is[0].PID {
		t.Errorf("its session is %d, %v", sid, err)
	}
}

// Another process that has the client's number by now is left alone.
func TestStopAnother(t *testing.T) {
	f := startFake(t, Udhcpc, "-i", "lo")
	c := f.find(t)[0]
	c.Process.Start++
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if len(f.find(t)) != 1 {
		t.Error("it was killed")
	}
}

// What isn't a client of the interface isn't found.
func TestFindNot(t *testing.T) {
	for _, args := range [][]string{{"-r", "lo"}, {"nope0"}, {"-x", "lo"}} {
		if found := startFake(t, Dhclient, args...).find(t); len(found) > 0 {
			t.Errorf("%v: found %v", args, found)
		}
	}
	if found := startFake(t, "busybox", "sleep", "lo").find(t); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	six := startFake(t, Dhclient, "-6", "lo").find(t)
	if len(six) != 1 || !six[0].IPv6 || six[0].Links[0].Lease != nil {
		t.Errorf("one of DHCPv6: found %+v", six)
	}
	all := startFake(t, Dhclient).find(t)
	if len(all) != 1 {
		t.Errorf("one of all interfaces: found %v", all)
	}
}

// Whenever it is killed, and however often it is called, GiveBack starts a client once.
func TestGiveBackOnce(t *testing.T) {
	f := startFake(t, Dhclient, "lo")
	l := LedgerOf(t.TempDir(), "bond0")
	c := f.find(t)
	give := func(want int) {
		t.Helper()
		started, err := l.GiveBack(t.Context(), nil)
		if err != nil || len(started) != want {
			t.Errorf("started %v, %v; want %d", started, err, want)
		}
		if left, err := l.Clients(); len(left) > 0 || err != nil {
			t.Errorf("there is still %v, %v", left, err)
		}
	}
	add := func() {
		t.Helper()
		if err := l.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	add()
	give(0) // it was written down, and not stopped
	add()
	if err := c[0].Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	give(1)
	f.wait(t, 2)
	give(0)
	add()
	give(0) // it was started, and not struck off
	if got := len(f.pids(t)); got != 2 {
		t.Errorf("it ran %d times, want twice", got)
	}
}

// A client of an interface that is gone stays in the ledger, and so does one of an interface
// that is in use.
func TestGiveBackLeft(t *testing.T) {
	l := LedgerOf(t.TempDir(), "bond0")
	gone := Client{Program: Dhclient, Process: statefile.Process{PID: 1 << 30, Start: 1}, Links: []Link{{Interface: "nope0"}}, Args: []string{"dhclient"}, Path: "/nope"}
	other := gone
	other.Links = []Link{{Interface: "lo"}}
	if err := errors.Join(l.Add([]Client{gone}), l.Add([]Client{other})); err != nil {
		t.Fatal(err)
	}
	started, err := l.GiveBack(t.Context(), []string{"lo"})
	if absent, ok := errors.AsType[*AbsentError](err); !ok || len(started) > 0 || absent.Interface != "nope0" {
		t.Errorf("started %v, %v", started, err)
	}
	if _, err := l.GiveBack(t.Context(), []string{"nope0"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is gone: %v", err)
	}
	if left, err := l.Clients(); len(left) != 2 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	unlock, err := l.dir.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := l.GiveBack(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("without the lock: %v", err)
	}
}
