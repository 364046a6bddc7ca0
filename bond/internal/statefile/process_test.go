package statefile

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSelf(t *testing.T) {
	self, err := Self()
	if err != nil || !self.Alive() {
		t.Fatalf("%+v isn't alive, %v", self, err)
	}
	for _, other := range []Process{{}, {PID: self.PID}, {PID: self.PID, Start: self.Start + 1}, {PID: 1 << 30, Start: 1}, {PID: -1}} {
		if other.Alive() {
			t.Errorf("%+v is alive", other)
		}
		// Would it be sent, it would end this process.
		if err := other.Signal(unix.SIGKILL); err == nil {
			t.Errorf("%+v was signalled", other)
		}
	}
}

// start starts a process that runs until its standard input is closed.
func start(t *testing.T) (*exec.Cmd, Process) {
	t.Helper()
	cmd := exec.Command("cat")
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
	p, err := find(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, p
}

func TestSignal(t *testing.T) {
	cmd, p := start(t)
	h, err := Hold(p.PID)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if !p.Alive() || h.Over() {
		t.Fatal("it has ended")
	}
	if err := p.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-h.Ended()
	// It is a zombie now, for its parent, this process, hasn't waited for it.
	if p.Alive() || !h.Over() {
		t.Error("a zombie counts")
	}
	if err := p.Signal(unix.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a zombie was signalled: %v", err)
	}
	_ = cmd.Wait()
	if state := cmd.ProcessState.Sys().(interface{ Signal() unix.Signal }); state.Signal() != unix.SIGTERM {
		t.Errorf("it ended by %s", state.Signal())
	}
	if err := h.Signal(unix.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("by its handle: %v", err)
	}
	if _, err := Hold(p.PID); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("it was held: %v", err)
	}
}

// Close ends the wait, and not the process.
func TestHandleClose(t *testing.T) {
	_, p := start(t)
	h, err := Hold(p.PID)
	if err != nil {
		t.Fatal(err)
	}
	ended := h.Ended()
	h.Close()
	select {
	case <-ended:
		t.Error("it has ended")
	default:
	}
	if !p.Alive() || h.Over() {
		t.Error("it isn't alive")
	}
}

// A real process has a name that is no easier to read.
func TestStatOfNamed(t *testing.T) {
	cmd := exec.Command("sh", "-c", `printf ') Z 1 (' >/proc/$$/comm; echo; read -r line`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = cmd.Wait()
	}()
	bufio.NewScanner(out).Scan()
	p, err := find(cmd.Process.Pid)
	if err != nil || !p.Alive() {
		t.Errorf("got %+v, %v", p, err)
	}
	if self, err := Self(); err != nil || p.Start < self.Start {
		t.Errorf("it was started at %d, before this process, %+v, %v", p.Start, self, err)
	}
}

// stat is /proc/PID/stat of a process with a name, as Linux 6.1 has it.
func stat(name, state string, start uint64) string {
	return fmt.Sprintf("4711 (%s) %s 1 4711 4711 0 -1 4194560 1091 0 0 0 1 2 0 0 20 0 1 0 %d 2703360 219 "+
		"18446744073709551615 1 1 0 0 0 0 0 4096 2 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n", name, state, start)
}

func TestParseStat(t *testing.T) {
	tests := map[string]struct {
		text string
		want uint64
		err  string
	}{
		"plain":         {stat("bondctl", "S", 12345), 12345, ""},
		"spaces":        {stat("a b  c", "R", 12345), 12345, ""},
		"parentheses":   {stat("sh) Z 1 (", "S", 12345), 12345, ""},
		"a line's end":  {stat("a\nb", "S", 12345), 12345, ""},
		"no name":       {stat("", "S", 0), 0, ""},
		"a late one":    {stat("x", "S", 1<<64-1), 1<<64 - 1, ""},
		"a zombie":      {stat("S", "Z", 12345), 0, "process already finished"},
		"a dead one":    {stat("S", "X", 12345), 0, "process already finished"},
		"nothing":       {"", 0, "too few fields"},
		"cut off":       {"4711 (bondctl) S 1 4711", 0, "too few fields"},
		"no number":     {strings.Replace(stat("x", "S", 12345), " 12345 ", " x ", 1), 0, "invalid syntax"},
		"a long number": {strings.Replace(stat("x", "S", 12345), " 12345 ", " 18446744073709551616 ", 1), 0, "out of range"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(test.text))
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if err == nil && got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

// FuzzParseStat has programs of any name, and files of anything.
func FuzzParseStat(f *testing.F) {
	for _, name := range []string{"bondctl", "a b", ") Z 1 (", "((", "))", "\n", "\xff"} {
		f.Add(name, uint64(12345))
	}
	f.Add(stat("x", "S", 1), uint64(0))
	f.Fuzz(func(t *testing.T, name string, start uint64) {
		if got, err := parseStat([]byte(stat(name, "S", start))); err != nil || got != start {
			t.Errorf("%q: got %d, %v, want %d", name, got, err, start)
		}
		if _, err := parseStat([]byte(stat(name, "Z", start))); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%q, a zombie: %v", name, err)
		}
		_, _ = parseStat([]byte(name))
	})
}
