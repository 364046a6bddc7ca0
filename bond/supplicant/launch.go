package supplicant

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startTime is how long wpa_supplicant may take to go to the background. Half a
// minute is for a driver that has to load firmware.
const startTime = 30 * time.Second

// launch runs the program until it has gone to the background. The error has
// what it complained about.
func (s *Supplicant) launch(ctx context.Context, program string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	// What this process was given by its parent, a lock perhaps, isn't for one
	// that lives on. What it opened itself is closed on exec in any case.
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	var out output
	cmd := exec.CommandContext(ctx, program, s.args()...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + strings.Join(programPath, ":")}
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("wpa_supplicant isn't ready after %s", startTime)
	}
	why, config := complaint(out.String())
	switch {
	case why == "":
		return fmt.Errorf("start wpa_supplicant: %w", err)
	case config:
		return fmt.Errorf("wpa_supplicant refuses %s: %s", s.Config, why)
	}
	return fmt.Errorf("start wpa_supplicant: %w: %s", err, why)
}

// complaint is the line that says best why wpa_supplicant didn't start; config
// when it is about the configuration.
func complaint(output string) (why string, config bool) {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "Line "):
			// The first one: those that follow are about the same.
			return withoutValue("line " + line[len("Line "):]), true
		case why != "", line == "", strings.HasPrefix(line, "Successfully initialized"), strings.Contains(line, "CTRL-EVENT-"):
		case strings.HasPrefix(line, "Failed to open config file"), strings.HasPrefix(line, "Failed to read or parse configuration"):
			why, config = withoutValue(line), true
		default:
			why = line
		}
	}
	return printable(why), config
}

// withoutValue takes the quotation out of a message about the configuration: it
// may be the passphrase that was mistyped. The name of an unknown field stays.
func withoutValue(line string) string {
	first, last := strings.IndexByte(line, '\''), strings.LastIndexByte(line, '\'')
	if first < 0 {
		return printable(line)
	}
	if strings.HasSuffix(line[:first], " field ") && last > first {
		return printable(line)
	}
	return printable(strings.TrimRight(line[:first], " ,"))
}
