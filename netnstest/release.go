package netnstest

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// KernelAtLeast tells whether the running kernel is of that version or a later one, for tests of what
// earlier ones don't have.
func KernelAtLeast(major, minor int) bool {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false
	}
	return releaseAtLeast(unix.ByteSliceToString(name.Release[:]), major, minor)
}

// releaseAtLeast compares a release, such as 6.1.0-43-amd64.
func releaseAtLeast(release string, major, minor int) bool {
	var x, y int
	if _, err := fmt.Sscanf(release, "%d.%d", &x, &y); err != nil {
		return false
	}
	return x > major || x == major && y >= minor
}
