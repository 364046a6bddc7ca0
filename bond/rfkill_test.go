package bond

import (
	"encoding/hex"
	"strings"
	"testing"
)

// What comes of Wi-Fi that is there, blocked and unblocked is as Linux 6.1 sent
// it; the rest is after linux/rfkill.h.
func TestIsBlocking(t *testing.T) {
	tests := map[string]struct {
		message string // in hexadecimal
		want    bool
	}{
		"Wi-Fi blocked":        {"00000000 01 02 01 00 00", true},
		"Wi-Fi unblocked":      {"00000000 01 02 00 00 00", true},
		"by its switch":        {"00000000 01 02 00 01 01", true},
		"of an older kernel":   {"00000000 01 02 01 00", true},
		"Wi-Fi that was there": {"00000000 01 00 01 00 00", false},
		"Wi-Fi that goes":      {"00000000 01 01 00 00 00", false},
		"Bluetooth blocked":    {"01000000 02 02 01 00 00", false},
		"cut short":            {"00000000 01 02 01", false},
		"nothing":              {"", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			message, err := hex.DecodeString(strings.ReplaceAll(test.message, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if got := isBlocking(message); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
