package main

import (
	"os"
	"path/filepath"
	"testing"
)

// sudo takes SSH_CONNECTION from what it runs, and the shell above it has it still.
func TestSSHAbove(t *testing.T) {
	const connection = "192.0.2.7 50022 192.0.2.10 22"
	proc := t.TempDir()
	process := func(pid, stat, environ string) {
		if err := os.Mkdir(filepath.Join(proc, pid), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"stat": stat, "environ": environ} {
			if err := os.WriteFile(filepath.Join(proc, pid, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	process("10", "10 (sshd) S 1 10 10", "")
	process("20", "20 (a) b (sh) S 10 20 20", "HOME=/\x00SSH_CONNECTION="+connection+"\x00")
	process("30", "30 (sudo) S 20 30 30", "HOME=/root\x00XSSH_CONNECTION=no\x00")
	process("40", "", "")
	process("50", "50 (round) S 50 1 1", "")
	for pid, want := range map[int]string{30: connection, 20: connection, 10: "", 40: "", 50: "", 60: "", 1: ""} {
		if got := sshAbove(proc, pid); got != want {
			t.Errorf("above %d there is %q, want %q", pid, got, want)
		}
	}
}

func TestSSHOwn(t *testing.T) {
	for value, want := range map[string]string{
		"192.0.2.7 50022 192.0.2.10 22":           "192.0.2.10",
		"::ffff:192.0.2.7 1 ::ffff:192.0.2.10 22": "192.0.2.10",
		"2001:db8::7 50022 2001:db8::10 22":       "2001:db8::10",
		"fe80::7%eth0 50022 fe80::10%eth0 22":     "",
		"192.0.2.7 50022 localhost 22":            "",
		"":                                        "",
	} {
		got, ok := sshOwn(value)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: %v, %t, want %q", value, got, ok, want)
		}
	}
}
