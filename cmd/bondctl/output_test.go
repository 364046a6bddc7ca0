package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// printing are command lines that print something on any machine, and the exit status
// where that can't be written.
var printing = []struct {
	args   string
	status int
}{
	{"--help", exitFailed},
	{"--version", exitFailed},
	{"version", exitFailed},
	{"up --help", exitFailed},
	{"help", exitFailed},
	{"help up", exitFailed},
	{"status --all", exitFailed},
	{"status --all --json", exitFailed},
	{"status --all --watch", exitFailed},
	{"status --all --check", checkFailed},
	{"status --all --check --json", checkFailed},
	{"status --check --frobnicate", checkFailed},
	{"up --dry-run testbond0 --member nope0", exitFailed},
	{"install-service --print", exitFailed},
}

// TestNoSpace has an error in writing to stdout told, by every verb.
func TestNoSpace(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, tt := range printing {
		t.Run(tt.args, func(t *testing.T) {
			var stderr bytes.Buffer
			status := run(t.Context(), strings.Fields(tt.args), full, &stderr)
			const said = "bondctl: error: write /dev/full: no space left on device\n"
			if status != tt.status || strings.Count(stderr.String(), said) != 1 {
				t.Errorf("exit status %d, want %d; stderr:\n%s", status, tt.status, &stderr)
			}
		})
	}
}

// TestReaderGone has nothing said of a reader that has read enough: the exit status is
// the verb's, and a watch ends.
func TestReaderGone(t *testing.T) {
	for _, tt := range printing {
		t.Run(tt.args, func(t *testing.T) {
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			reader.Close()
			defer writer.Close()
			var stdout, stderr, want bytes.Buffer
			args := strings.Fields(strings.TrimSuffix(tt.args, " --watch"))
			wanted := run(t.Context(), args, &stdout, &want)
			status := run(t.Context(), strings.Fields(tt.args), writer, &stderr)
			if status != wanted || stderr.String() != want.String() {
				t.Errorf("exit status %d and %q, want %d and %q", status, &stderr, wanted, &want)
			}
		})
	}
}

// TestWatchUnread has a watch end with its reader, though nothing changes.
func TestWatchUnread(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	ended := make(chan int)
	var stderr bytes.Buffer
	go func() { ended <- run(t.Context(), []string{"status", "--all", "--watch"}, writer, &stderr) }()
	if _, err := reader.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	if status := <-ended; status != 0 || stderr.Len() > 0 {
		t.Errorf("exit status %d, stderr %q", status, &stderr)
	}
}
