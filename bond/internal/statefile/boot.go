package statefile

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// BootID names this boot (/proc/sys/kernel/random/boot_id, random(4)). It is ""
// where the kernel doesn't say, which is then no boot's name.
func BootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}

// SinceBoot is the time since the boot, sleep included (CLOCK_BOOTTIME). Nobody
// sets that clock.
func SinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err) // every kernel since 2.6.39 has it
	}
	return time.Duration(ts.Nano())
}
