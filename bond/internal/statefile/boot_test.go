package statefile

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestBootID(t *testing.T) {
	if id := BootID(); len(id) != len("00000000-0000-0000-0000-000000000000") || id != BootID() {
		t.Errorf("the boot is %q", id)
	}
}

// TestSinceBoot holds the clock against /proc/uptime, which is in hundredths.
func TestSinceBoot(t *testing.T) {
	before := SinceBoot().Truncate(10 * time.Millisecond)
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	var seconds, idle float64
	if _, err := fmt.Sscan(string(text), &seconds, &idle); err != nil {
		t.Fatal(err)
	}
	up := time.Duration(seconds * float64(time.Second)).Round(10 * time.Millisecond)
	if after := SinceBoot(); up < before || up > after {
		t.Errorf("%s isn't from %s to %s", up, before, after)
	}
}
