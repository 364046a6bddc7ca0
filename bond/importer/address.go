package importer

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// cidr joins an address and a prefix length or netmask that was written apart from it; ""
// is none. An address that has a length keeps it.
func cidr(address, mask string) (string, error) {
	if strings.Contains(address, "/") {
		if host, length, _ := strings.Cut(address, "/"); strings.Contains(length, ".") {
			return cidr(host, length)
		}
		return address, nil
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "", fmt.Errorf("%q is no address", address)
	}
	if mask == "" {
		if a.Is4() {
			return "", fmt.Errorf("%s has no netmask; write the length of its prefix, such as %[1]s/24", address)
		}
		return address + "/64", nil
	}
	bits, err := prefixLength(mask)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%d", address, bits), nil
}

// prefixLength reads a netmask: 24, 255.255.255.0 or 0xffffff00.
func prefixLength(mask string) (int, error) {
	if n, err := strconv.Atoi(mask); err == nil && n >= 0 && n <= 128 {
		return n, nil
	}
	if ip := net.ParseIP(mask).To4(); ip != nil {
		ones, bits := net.IPMask(ip).Size()
		if bits != 0 {
			return ones, nil
		}
	}
	return 0, fmt.Errorf("%q is no netmask", mask)
}

// network is a route's destination as bondctl wants it: default is every address of a
// family, and bits beyond the length are cut off.
func network(to string, is6 bool) string {
	switch {
	case (to == "default" || to == "any" || to == "all") && is6:
		return "::/0"
	case to == "default" || to == "any" || to == "all":
		return "0.0.0.0/0"
	}
	if p, err := netip.ParsePrefix(to); err == nil {
		return p.Masked().String()
	}
	return to
}
