package sysfs

import (
	"fmt"
	"strings"
)

// The longest names of an interface in bytes: the kernel's IFNAMSIZ and ALTIFNAMSIZ
// without the terminating zero.
const maxName, maxAltName = 15, 127

// A NameError says that a name can't be an interface's, and why.
type NameError struct {
	Name   string
	Reason string // such as "longer than 15 bytes"
}

// Error implements error.
func (e *NameError) Error() string {
	return fmt.Sprintf("invalid interface name %q: %s", e.Name, e.Reason)
}

// CheckName returns a *NameError when the kernel would refuse name for an
// interface. Every call of this package that takes a name checks it, so no name
// leads to a path outside of class/net.
func CheckName(name string) error { return check(name, maxName) }

// CheckAltName is CheckName for an alternative name (ip-link(8), altname), which may
// be longer.
func CheckAltName(name string) error { return check(name, maxAltName) }

func check(name string, longest int) error {
	reason := ""

	switch {
	case name == "":
		reason = "empty"
	case name == "." || name == "..":
		reason = "a directory"
	case len(name) > longest:
		reason = fmt.Sprintf("longer than %d bytes", longest)
	case strings.ContainsFunc(name, isSeparator):
		reason = "contains a slash, a colon or a zero byte"
	case containsSpace(name):
		reason = "contains white space"
	}
	if reason == "" {
		return nil
	}

	return &NameError{Name: name, Reason: reason}
}

// isSeparator reports the bytes other than white space that no name has: a slash
// would leave the directory, a colon is how old tools write aliases, and a zero
// would cut the path short.
func isSeparator(r rune) bool {
	return r == '/' || r == ':' || r == 0
}

// containsSpace looks for white space byte by byte, as the kernel does, which
// knows nothing of UTF-8 and takes 0xa0, Latin-1's no-break space, for white.
func containsSpace(name string) bool {
	for i := range len(name) {
		switch name[i] {
		case ' ', '\t', '\n', '\v', '\f', '\r', 0xa0:
			return true
		}
	}

	return false
}
