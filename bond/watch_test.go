package bond

import (
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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

func TestMessageTypes(t *testing.T) {
	message := func(kind uint16) []byte {
		m := make([]byte, unix.SizeofNlMsghdr)
		m[4], m[5] = byte(kind), byte(kind>>8) // a little-endian machine's
		return m
	}
	tests := map[string]struct {
		message      []byte
		change, link bool
	}{
		"a link":            {message(unix.RTM_NEWLINK), true, true},
		"a link that went":  {message(unix.RTM_DELLINK), true, false},
		"a route":           {message(unix.RTM_NEWROUTE), false, false},
		"a route that went": {message(unix.RTM_DELROUTE), true, false},
		"lost messages":     {nil, true, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if change, link := isChange(test.message), isLink(test.message); change != test.change || link != test.link {
				t.Errorf("change %t, link %t; want %t, %t", change, link, test.change, test.link)
			}
		})
	}
}
