package sysfs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// errTruncated says that the kernel had more names than fit into a page.
var errTruncated = errors.New("list of names cut short by the kernel")

// more is what the kernel puts at the end of a list that it cut short. It may
// have overwritten part of the name before.
const more = "++more++"

// words splits b at ASCII blanks. Names of interfaces may contain any other
// byte, so white space beyond ASCII must not separate.
func words(b []byte) []string {
	return strings.FieldsFunc(string(b), func(r rune) bool {
		return r == ' ' || r == '\n' || r == '\t'
	})
}

// parseWord returns the first word of b: of "active-backup 1" the mode's name.
func parseWord(b []byte) (string, error) {
	w := words(b)
	if len(w) == 0 {
		return "", errors.New("no word")
	}

	return w[0], nil
}

// parseLine returns b, which must be a single line: "going down".
func parseLine(b []byte) (string, error) {
	if bytes.ContainsRune(b, '\n') {
		return "", fmt.Errorf("more than one line: %q", b)
	}

	return string(b), nil
}

// parseInt parses a decimal number.
func parseInt(b []byte) (int, error) {
	n, err := strconv.Atoi(string(bytes.TrimSpace(b)))
	if err != nil {
		return 0, fmt.Errorf("not a number: %q", b)
	}

	return n, nil
}

// parseBool parses 0 or 1.
func parseBool(b []byte) (bool, error) {
	switch string(b) {
	case "0":
		return false, nil
	case "1":
		return true, nil
	}

	return false, fmt.Errorf("neither 0 nor 1: %q", b)
}

// parseSpeed parses a speed in Mb/s: nil when it is SPEED_UNKNOWN, all ones,
// which is shown as -1, and by older kernels without the sign.
func parseSpeed(b []byte) (*int, error) {
	n, err := parseInt(b)
	if err != nil || n < 0 || n == math.MaxUint32 {
		return nil, err
	}

	return &n, nil
}

// parseDuplex parses half, full or unknown, which becomes "".
func parseDuplex(b []byte) (string, error) {
	switch w := string(b); w {
	case "half", "full":
		return w, nil
	case "unknown":
		return "", nil
	}

	return "", fmt.Errorf("no duplex: %q", b)
}

// parseFlags parses interface flags in hexadecimal: 0x1003.
func parseFlags(b []byte) (uint32, error) {
	n, err := strconv.ParseUint(string(b), 0, 32)
	if err != nil {
		return 0, fmt.Errorf("no flags: %q", b)
	}

	return uint32(n), nil
}

// parseHardwareAddr parses a link-layer address of any length. net.ParseMAC
// would refuse those of tunnels: 4 bytes over IPv4, 16 over IPv6.
func parseHardwareAddr(b []byte) (net.HardwareAddr, error) {
	addr := make(net.HardwareAddr, (len(b)+1)/3)
	if len(b) != 3*len(addr)-1 {
		return nil, fmt.Errorf("no hardware address: %q", b)
	}

	for i := range addr {
		digits := b[3*i:]
		if i > 0 && b[3*i-1] != ':' {
			return nil, fmt.Errorf("no hardware address: %q", b)
		}
		if _, err := hex.Decode(addr[i:i+1], digits[:2]); err != nil {
			return nil, fmt.Errorf("no hardware address: %q", b)
		}
	}

	return addr, nil
}

// parseAddrs parses IP addresses separated by blanks.
func parseAddrs(b []byte) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, w := range words(b) {
		addr, err := netip.ParseAddr(w)
		if err != nil {
			return nil, fmt.Errorf("no IP address: %q", w)
		}
		addrs = append(addrs, addr)
	}

	return addrs, nil
}

// parseNames parses interface names separated by blanks. The error is
// errTruncated when the kernel left some out.
func parseNames(b []byte) ([]string, error) {
	names := words(b)
	if len(names) == 0 {
		return nil, nil
	}
	if names[len(names)-1] == more {
		return nil, errTruncated
	}

	return names, nil
}

// parseQueueIDs parses a list of NAME:ID. It is nil when the kernel left some
// out, for then the last may be wrong.
func parseQueueIDs(b []byte) (map[string]int, error) {
	pairs, err := parseNames(b)
	if len(pairs) == 0 || err != nil {
		return nil, nil
	}

	ids := make(map[string]int, len(pairs))
	for _, pair := range pairs {
		name, id, ok := strings.Cut(pair, ":")
		n, err := strconv.ParseUint(id, 10, 16)
		if !ok || err != nil {
			return nil, fmt.Errorf("no queue id: %q", pair)
		}
		ids[name] = int(n)
	}

	return ids, nil
}

// A uevent is what the kernel tells udev of a device.
type uevent struct {
	name    string // INTERFACE
	devType string // DEVTYPE
}

// parseUevent parses lines of KEY=VALUE.
func parseUevent(b []byte) (uevent, error) {
	var u uevent
	for line := range strings.Lines(string(b)) {
		key, val, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "INTERFACE":
			u.name = val
		case "DEVTYPE":
			u.devType = val
		}
	}

	return u, nil
}
