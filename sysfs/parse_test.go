package sysfs

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A parsed is the outcome of a parser.
type parsed[T any] struct {
	Value T
	OK    bool
}

// testParser compares what parse makes of inputs with what is wanted; those that
// are missing from want are to be refused.
func testParser[T any](t *testing.T, parse func([]byte) (T, error), want map[string]T, refused ...string) {
	t.Helper()

	all := make(map[string]parsed[T])
	for in, v := range want {
		all[in] = parsed[T]{Value: v, OK: true}
	}
	for _, in := range refused {
		all[in] = parsed[T]{}
	}

	got := make(map[string]parsed[T])
	for in := range all {
		v, err := parse([]byte(in))
		got[in] = parsed[T]{Value: v, OK: err == nil}
	}

	equal := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(all, got, equal, cmp.AllowUnexported(uevent{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseWord(t *testing.T) {
	testParser(t, parseWord, map[string]string{
		"active-backup 1": "active-backup",
		"up":              "up",
		" layer3+4  1\n":  "layer3+4",
		"a\u2003b 1":      "a\u2003b",
	}, "", " ", "\n")
}

func TestParseLine(t *testing.T) {
	testParser(t, parseLine, map[string]string{"going back": "going back", "": ""}, "up\ndown")
}

func TestParseInt(t *testing.T) {
	testParser(t, parseInt, map[string]int{"0": 0, "-1": -1, "65535": 65535, "7\n": 7},
		"", "0x10", "1 2", "1.5", "99999999999999999999")
}

func TestParseBool(t *testing.T) {
	testParser(t, parseBool, map[string]bool{"0": false, "1": true}, "", "2", "y", "01")
}

func TestParseSpeed(t *testing.T) {
	testParser(t, parseSpeed, map[string]*int{
		"1000":       new(1000),
		"0":          new(0),
		"-1":         nil,
		"4294967295": nil,
	}, "", "fast")
}

func TestParseDuplex(t *testing.T) {
	testParser(t, parseDuplex, map[string]string{"full": "full", "half": "half", "unknown": ""}, "", "Full", "both")
}

func TestParseFlags(t *testing.T) {
	testParser(t, parseFlags, map[string]uint32{"0x1003": 0x1003, "0x0": 0, "0xffffffff": 0xffffffff},
		"", "up", "-1", "0x100000000")
}

func TestParseHardwareAddr(t *testing.T) {
	testParser(t, parseHardwareAddr, map[string]net.HardwareAddr{
		"02:00:00:00:00:01": {2, 0, 0, 0, 0, 1},
		"C0:00:02:09":       {192, 0, 2, 9},
		"ff":                {255},
		"20:01:0d:b8:00:00:00:00:00:00:00:00:00:00:00:01": net.HardwareAddr(net.ParseIP("2001:db8::1")),
	}, "", "0", "02:", ":02", "02-00", "02:0", "0g", "02:00:00:00:00:01:", "02::01", "020:0:00")
}

func TestParseAddrs(t *testing.T) {
	testParser(t, parseAddrs, map[string][]netip.Addr{
		"":                       nil,
		"192.0.2.1 198.51.100.7": {netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")},
		"2001:db8::1 ":           {netip.MustParseAddr("2001:db8::1")},
	}, "192.0.2", "192.0.2.1,192.0.2.2", "localhost")
}

func TestParseNames(t *testing.T) {
	testParser(t, parseNames, map[string][]string{
		"":                 nil,
		"eth0":             {"eth0"},
		"eth0 wlan0\n":     {"eth0", "wlan0"},
		"++more++ eth0":    {"++more++", "eth0"},
		"a\u2003b c\u0085": {"a\u2003b", "c\u0085"},
	}, "eth0 ++more++")
}

func TestParseNamesTruncated(t *testing.T) {
	if _, err := parseNames([]byte("eth0 ++more++ ")); !errors.Is(err, errTruncated) {
		t.Errorf("got %v, want %v", err, errTruncated)
	}
}

func TestParseQueueIDs(t *testing.T) {
	testParser(t, parseQueueIDs, map[string]map[string]int{
		"":                 nil,
		"veth0:0 veth2:2":  {"veth0": 0, "veth2": 2},
		"veth0:0 ++more++": nil,
	}, "veth0", "veth0:", "veth0:x", "veth0:65536", "veth0:-1")
}

func TestParseUevent(t *testing.T) {
	testParser(t, parseUevent, map[string]uevent{
		"": {},
		"DEVTYPE=wlan\nINTERFACE=wlan0\nIFINDEX=4": {name: "wlan0", devType: "wlan"},
		"INTERFACE=a=b\nIFINDEX=4\n":               {name: "a=b"},
		"INTERFACE":                                {},
	})
}
